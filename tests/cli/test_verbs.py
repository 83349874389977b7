"""What the reading verbs say of a deployment, to a person and to a program."""

from datetime import timedelta
from pathlib import Path

import anyio

from telemetry.core.delivery import Signal
from telemetry.core.key import KeyPolicy
from telemetry.core.warning import Kind, Warned
from telemetry.store.client import Connection
from telemetry.store.keys import Keys
from telemetry.store.warnings import Warnings
from tests.cli.terminal import Said, tellonce
from tests.ops.deployment import CONSUMER, Deployment

Environ = dict[str, str]


async def a_deployment(connection: Connection) -> Deployment:
    made = Deployment(connection)
    await made.registry.register(CONSUMER)
    await made.told("sign_up:u1")
    rows = await made.take_over(await made.accept("sign_up:u2", "sign_up:u3"))
    await made.queue.settle([(rows[0].id, 0)], Signal.GIVE_UP, reason="50035: embed too long")
    await made.accept("sign_up:u4")
    return made


async def typed(words: str, environ: Environ, stdin: str = "") -> Said:
    # In a thread: a verb runs a loop of its own.
    return await anyio.to_thread.run_sync(lambda: tellonce(*words.split(), stdin=stdin, **environ))


async def test_status(connection: Connection, environ: Environ) -> None:
    await a_deployment(connection)

    said = await typed("status", environ)
    (row,) = (await typed("status --json", environ)).value["consumers"]

    assert said.code == 0
    assert "none is active" in said.out
    assert (row["name"], row["owed"], row["pending"], row["dead"]) == (CONSUMER, 1, 1, 1)


async def test_verify_holds_until_a_row_is_removed(connection: Connection, environ: Environ) -> None:
    made = await a_deployment(connection)

    assert (await typed("verify", environ)).code == 0

    await made.connection["discord_queue"].delete_one({"event": "sign_up:u1"})
    said, value = await typed("verify", environ), (await typed("verify --json", environ)).value

    assert said.code == 1
    assert "sign_up:u1 (discord): acked as 1, 0 rows" in said.out
    assert value["holds"] is False
    assert value["samples"][0]["key"] == "sign_up:u1"


async def test_explain(connection: Connection, environ: Environ) -> None:
    await a_deployment(connection)

    said = await typed("explain sign_up:u2", environ)

    assert said.code == 0
    assert "discord took it over as 1 delivery" in said.out
    assert "50035: embed too long" in said.out
    assert f"\n{'next':<23}  sign_up:u2|discord:1: dead" in said.out
    assert (await typed("explain sign_up:u2 --json", environ)).value["event"]["type"] == "sign_up"
    assert (await typed("explain sign_up:nobody", environ)).code == 1


async def test_dead_then_retry_then_nothing_is_dead(connection: Connection, environ: Environ) -> None:
    await a_deployment(connection)

    assert (await typed("dead --json", environ)).value[0]["reason"] == "50035: embed too long"
    assert "nothing is parked" in (await typed("parked", environ)).out
    assert "a dry run" in (await typed("retry --dead --dry-run", environ)).out
    assert "1 delivery is pending again" in (await typed("retry --dead", environ)).out
    assert "nothing is dead" in (await typed("dead", environ)).out
    assert (await typed("retry --dead", environ)).out == "there is nothing to retry\n"
    assert (await typed("retry sign_up:u2", environ)).code == 1


async def test_indexes_are_compared_then_made_right(connection: Connection, environ: Environ) -> None:
    await connection["events"].drop_index("owed")

    assert (await typed("indexes", environ)).code == 1
    assert {"built", "kept"} == {row["verdict"] for row in (await typed("indexes --apply --json", environ)).value}
    assert (await typed("indexes", environ)).code == 0


async def test_consumers_are_listed_and_written_off(connection: Connection, environ: Environ) -> None:
    await a_deployment(connection)

    assert (await typed("consumers --json", environ)).value[0]["name"] == CONSUMER
    assert (await typed("consumers remove nobody --yes", environ)).code == 1
    assert (await typed("consumers remove discord", environ, stdin="n\n")).code == 1
    assert (await typed("consumers --json", environ)).value != []
    assert (await typed("consumers remove discord", environ, stdin="y\n")).code == 0
    assert (await typed("consumers --json", environ)).value == []


async def test_keys_that_differ_are_shown_then_applied(connection: Connection, environ: Environ, bare: Path) -> None:
    await a_deployment(connection)
    await Keys(connection).register("sign_up", KeyPolicy(("distinct_id",)))
    (bare / "tellonce.toml").write_text('[types.sign_up]\nkey = ["distinct_id", "properties.plan"]\n')

    assert (await typed("keys", environ)).code == 1
    assert (await typed("keys apply no_such_type", environ)).code == 2
    said = await typed("keys apply sign_up --settle 0", environ)

    assert said.code == 0
    assert "4 events hold nothing to make the new key from" in said.out
    assert (await typed("keys", environ)).code == 0
    assert "nothing to switch" in (await typed("keys apply --settle 0", environ)).out


async def test_status_is_silent_on_warnings_until_there_are_some_and_then_shows_the_newest_first(
    connection: Connection, environ: Environ
) -> None:
    assert "Warnings" not in (await typed("status", environ)).out
    assert [] == (await typed("status --json", environ)).value["warnings"]
    now = connection.clock.now()
    for minutes in range(12):
        at = now - timedelta(minutes=minutes)
        said = Warned(Kind.UNKNOWN_TYPE, f"type{minutes}", 3, at, at, "web", "event: has no \x1b key policy")
        await Warnings(connection).note(said, "stamp")

    said_all = (await typed("status", environ)).out

    assert said_all.index("type0 ") < said_all.index("type9 ")
    assert "web: event: has no \\x1b key policy" in said_all
    assert "type10" not in said_all
    assert "10 of 12 warnings" in said_all
    warnings = (await typed("status --json", environ)).value["warnings"]
    assert (12, "unknown_type", 3) == (len(warnings), warnings[0]["kind"], warnings[0]["count"])
