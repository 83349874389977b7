"""Endpoints, added and changed while everything runs."""

from pathlib import Path

import anyio.to_thread
import pytest
from standardwebhooks.webhooks import Webhook

from consumers.webhook.endpoint import merged
from telemetry.store.client import Connection
from telemetry.store.endpoints import Endpoints
from tests.cli.terminal import Said, tellonce
from tests.receiver import SECRET, Receiver, Reply

Environ = dict[str, str]
HERE = {"TELLONCE_WEBHOOK_ALLOW": "127.0.0.0/8"}
URL = "https://crm.example.com/hooks"
FILE = f'[webhook.endpoints.filed]\nurl = "{URL}"\nsecret = "{SECRET}"\nevents = ["*"]\n'


async def typed(words: str, environ: Environ, stdin: str = "") -> Said:
    # In a thread: a verb runs a loop of its own.
    return await anyio.to_thread.run_sync(lambda: tellonce(*words.split(), stdin=stdin, **environ))


async def test_an_endpoint_is_added_with_a_secret_that_is_shown_once(connection: Connection, environ: Environ) -> None:
    said = await typed(f"webhooks add crm {URL} -e sign_up -e badge_awarded --ordered --rate 5", environ)
    assert said.code == 0
    (stored,) = (await Endpoints(connection).all()).values()
    (secret,) = stored.secrets
    assert secret.value in said.out
    table = merged({}, {"crm": stored})["crm"].table
    assert (["sign_up", "badge_awarded"], True, 5.0) == (table.events, table.ordered, table.rate)

    for words in ("webhooks list", "webhooks list --json", "status", "webhooks disable crm"):
        assert secret.value not in (await typed(words, environ)).out


async def test_the_list_says_how_each_stands(connection: Connection, environ: Environ, bare: Path) -> None:
    assert "there are no endpoints" in (await typed("webhooks list", environ)).out
    (bare / "tellonce.toml").write_text(FILE)
    await typed(f"webhooks add crm {URL}", environ)
    await typed("webhooks disable crm --reason moving", environ)
    crm, filed = (await typed("webhooks list --json", environ)).value
    assert ("crm", "database", "moving") == (crm["name"], crm["source"], crm["disabled"])
    assert ("filed", "file", None) == (filed["name"], filed["source"], filed["disabled"])
    said = await typed("webhooks list", environ)
    assert "off: moving" in said.out
    assert "on, by the file" in said.out


async def test_an_endpoint_of_the_file_is_switched_off_and_on_and_otherwise_left_to_the_file(
    connection: Connection, environ: Environ, bare: Path
) -> None:
    (bare / "tellonce.toml").write_text(FILE)
    assert (await typed("webhooks disable filed", environ)).code == 0
    assert "filed" in await Endpoints(connection).all()
    assert (await typed("webhooks enable filed", environ)).code == 0
    for words in (f"webhooks add filed {URL}", "webhooks rotate filed", "webhooks remove filed --yes"):
        said = await typed(words, environ)
        assert said.code == 2
        assert "in tellonce.toml" in said.err or "tellonce.toml has" in said.err


async def test_after_a_rotation_the_former_secret_signs_for_a_while(connection: Connection, environ: Environ) -> None:
    async with Receiver() as receiver:
        await typed(f"webhooks add here {receiver.url} --secret {SECRET}", environ | HERE)
        said = await typed("webhooks rotate here", environ)
        assert (await typed("webhooks test here", environ | HERE)).code == 0
        (heard,) = receiver.heard
        assert 2 == len(heard.headers["webhook-signature"].split())
        (stored,) = (await Endpoints(connection).all()).values()
        assert stored.secrets[0].value in said.out
        await typed("webhooks rotate here --overlap 0", environ)
        assert (await typed("webhooks test here", environ | HERE)).code == 1
        assert receiver.refused


async def test_a_test_is_tried_three_times_shows_what_came_back_and_leaves_nothing(
    connection: Connection, environ: Environ
) -> None:
    async with Receiver() as receiver:
        receiver.replies.extend([Reply(500, {"X-Trace": "abc"}, b"oops"), Reply(drop=True), Reply(201, body=b"thanks")])
        await typed(f"webhooks add here {receiver.url} --secret {SECRET}", environ | HERE)
        said = await typed("webhooks test here", environ | HERE)
        assert said.code == 0
        assert 1 == len({heard.id for heard in receiver.heard})
        for shown in ("try 1: 500 in", "X-Trace: abc", "oops", "try 2: no readable answer", "try 3: 201", "thanks"):
            assert shown in said.out
        receiver.always = Reply(503)
        told = await typed("webhooks test here --json", environ | HERE)
        assert told.code == 1
        assert [503] * 3 == [one["status"] for one in told.value]
    assert 0 == await connection["webhook_queue"].count_documents({})
    assert 0 == await connection["attempts"].count_documents({})


async def test_removing_asks_first(connection: Connection, environ: Environ) -> None:
    await typed(f"webhooks add crm {URL}", environ)
    assert (await typed("webhooks remove crm", environ, stdin="n\n")).code != 0
    assert await Endpoints(connection).all()
    assert (await typed("webhooks remove crm --yes", environ)).code == 0
    assert "there are no endpoints" in (await typed("webhooks list", environ)).out
    row = await connection["endpoints"].find_one({"_id": "crm"})
    assert row is not None
    assert "secrets" not in row
    assert (await typed("webhooks enable crm", environ)).code == 2
    assert (await typed("webhooks remove crm --yes", environ)).code == 2
    assert (await typed(f"webhooks add crm {URL}", environ)).code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("webhooks add crm http://crm.example.com/", "expected https"),
        ("webhooks add crm https://10.0.0.1/", "10.0.0.1 is not a public address"),
        ("webhooks add crm nonsense", "expected an address as in https://example.com/hooks"),
        ("webhooks add c|rm https://crm.example.com/", "expected a name of up to 64 letters"),
        (f"webhooks add crm {URL} --rate 0", "expected greater than 0"),
        (f"webhooks add crm {URL} --secret hunter2", "expected whsec_"),
        ("webhooks disable nobody", "there is none"),
        ("webhooks test nobody", "there is none"),
        ("listen --secret hunter2", "expected whsec_"),
        ("courier nobody", "no courier 'nobody' is installed; expected webhook"),
    ],
)
async def test_a_mistake_is_one_line_and_changes_nothing(
    connection: Connection, environ: Environ, words: str, said: str
) -> None:
    done = await typed(words, environ)
    assert done.code == 2
    assert said in done.err
    assert 1 == done.err.count("\n")
    assert "hunter2" not in done.err
    assert not await Endpoints(connection).all()


async def test_a_name_is_taken_once(connection: Connection, environ: Environ) -> None:
    await typed(f"webhooks add crm {URL}", environ)
    before = await Endpoints(connection).all()
    assert (await typed(f"webhooks add crm {URL}", environ)).code == 1
    assert before == await Endpoints(connection).all()


def test_a_secret_for_the_file_is_made() -> None:
    Webhook(tellonce("webhooks", "secret").out.strip())
