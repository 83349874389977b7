"""`tellonce forget` at the command line, and the page that tells of it."""

import re
import shlex
from pathlib import Path

import anyio
import pytest

from telemetry.core.delivery import Signal
from telemetry.runtime.config import parse_config
from telemetry.store.client import Connection
from tests.cli.terminal import tellonce
from tests.cli.test_verbs import Environ, a_deployment, typed
from tests.ops.deployment import Deployment

PAGE = (Path(__file__).parents[2] / "docs" / "retention.md").read_text()


async def test_a_dry_run_counts_and_changes_nothing(connection: Connection, environ: Environ) -> None:
    await a_deployment(connection)
    before = [row async for row in connection["events"].find({})]

    said = await typed("forget u2 --dry-run", environ)
    value = (await typed("forget u4 --dry-run --json", environ)).value

    assert 0 == said.code
    assert ["1 event", "1 delivery, 1 of them not done, which are left out"] == said.out.splitlines()
    assert (1, 1, 0) == (value["events"], value["owed"], value["deliveries"])
    assert before == [row async for row in connection["events"].find({})]


async def test_nobody_is_forgotten_unasked(connection: Connection, environ: Environ) -> None:
    made = await a_deployment(connection)

    said = await typed("forget u1", environ)

    assert 2 == said.code
    assert "--yes" in said.err
    assert await made.events.get("sign_up:u1")


async def test_a_person_is_forgotten_and_a_second_time_there_is_nothing(
    connection: Connection, environ: Environ
) -> None:
    made = await a_deployment(connection)

    said = await typed("forget u1 --yes --settle 0 --reason asked --by bob", environ)
    again = await typed("forget u1 --settle 0 --json", environ)

    assert (0, 0) == (said.code, again.code)
    assert said.out.endswith("1 event is forgotten\n")
    assert {"events": 0, "left": []} == again.value
    assert await made.events.get("sign_up:u1") is None
    assert "its person was forgotten" in (await typed("explain sign_up:u1", environ)).out
    verified = await typed("verify --json", environ)
    assert [1] == [row["erased"] for row in verified.value["totals"]]


async def test_what_is_on_its_way_is_named_and_the_answer_is_no(connection: Connection, environ: Environ) -> None:
    made = await a_deployment(connection)
    until = connection.clock.now()
    await made.queue.settle([("sign_up:u3|discord:1", 0)], Signal.CLAIM, holder="h", ready_at=until)

    said = await typed("forget u3 --yes --settle 0", environ)

    assert 1 == said.code
    assert "sign_up:u3 is on its way" in said.out
    assert "1 event is left, on their way: run it again in a minute" in said.err


async def test_every_command_of_the_page_runs(
    connection: Connection, environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telemetry.cli.forget.SETTLE", 0.0)
    await Deployment(connection).told("sign_up:u42")
    lines = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
    assert 4 == len(lines)
    for line in lines:
        words = shlex.split(line)[1:]
        said = await anyio.to_thread.run_sync(lambda words=words: tellonce(*words, **environ))  # type: ignore[misc]
        assert 0 == said.code, f"{line}: {said.err}"


def test_every_entry_of_the_page_is_right() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    policy = parse_config(block).types["page_view"]
    assert (90, 30) == (policy.remember and policy.remember.days, policy.payload and policy.payload.days)


async def test_explain_tells_until_when_a_fact_is_kept_if_the_file_can_be_read(
    connection: Connection, environ: Environ, bare: Path
) -> None:
    await a_deployment(connection)
    assert "remembered for ever" in (await typed("explain sign_up:u1", environ)).out

    (bare / "tellonce.toml").write_text('[types.sign_up]\nremember = "30d"\npayload = "2d"\n')
    assert "; payload kept until 20" in (await typed("explain sign_up:u1", environ)).out

    (bare / "tellonce.toml").write_text("not TOML")
    said = await typed("explain sign_up:u1", environ)
    assert 0 == said.code
    assert "remembered for ever" not in said.out
