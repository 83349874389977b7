"""What the reading verbs say of a deployment, to a person and to a program."""

from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from telemetry.core.delivery import Signal, State
from telemetry.core.key import KeyPolicy
from telemetry.core.warning import Kind, Warned
from telemetry.ops.replay import begin
from telemetry.store.client import Connection
from telemetry.store.keys import Keys
from telemetry.store.operations import Operations
from telemetry.store.pauses import Pauses
from telemetry.store.selection import Selection
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


async def test_the_dead_are_listed_by_filters_and_counted(connection: Connection, environ: Environ) -> None:
    await a_deployment(connection)

    assert "embed too long" in (await typed("dead --type sign_up --since 1h --reason 50035", environ)).out
    assert "nothing is dead of what is meant" in (await typed("dead --until 1h", environ)).out
    assert (await typed("dead --until 1h --json", environ)).value == []
    said = await typed("dead --count", environ)
    assert "1 delivery dead in all: discord 1" in said.out
    assert (await typed("dead --count --json", environ)).value == [
        {"consumer": CONSUMER, "destination": "discord:1", "reason": "50035: embed too long", "number": 1}
    ]
    assert (await typed("dead --since yesterday", environ)).code == 2


async def test_what_explain_finds_by_an_earlier_key_is_retried_and_replayed_by_it(
    connection: Connection, environ: Environ
) -> None:
    made = await a_deployment(connection)
    await made.events.add_aliases({"sign_up:told": "sign_up:u1", "sign_up:refused": "sign_up:u2"})

    assert "1 delivery would be told once more" in (await typed("replay sign_up:told --dry-run", environ)).out
    assert "discord: 1 delivery" in (await typed("retry sign_up:refused|discord:1 --dry-run", environ)).out
    assert "1 delivery is pending again" in (await typed("retry sign_up:refused", environ)).out


@pytest.mark.parametrize("verb", ["dead", "parked --count --json", "retry --dead", "replay --dry-run"])
async def test_a_consumer_that_there_is_not_is_no_empty_answer(
    connection: Connection, environ: Environ, verb: str
) -> None:
    await a_deployment(connection)

    said = await typed(f"{verb} --consumer discrod", environ)

    assert (said.code, said.out) == (2, "")
    assert "--consumer discrod: no such consumer; expected " in said.err
    assert 'did you mean "discord"?' in said.err
    # One that is installed and had nothing yet is one.
    assert 0 == (await typed(f"{verb} --consumer webhook", environ)).code


@pytest.mark.parametrize("verb", ["dead", "parked --count --json", "retry --dead", "replay --dry-run"])
async def test_a_mistyped_type_is_no_empty_answer(connection: Connection, environ: Environ, verb: str) -> None:
    made = await a_deployment(connection)
    await Keys(connection).register("sign_up", KeyPolicy.parse(["distinct_id"]))

    said = await typed(f"{verb} --type sing_up", environ)

    assert (said.code, said.out) == (2, "")
    assert '--type sing_up: no event of that type was taken; did you mean "sign_up"?' in said.err
    # Of one that is like no other nothing may have come yet, and one without a policy is in no list.
    assert 0 == (await typed(f"{verb} --type deploy", environ)).code
    await made.accept("sing_up:u1")
    assert 0 == (await typed(f"{verb} --type sing_up", environ)).code


async def test_a_retry_touches_what_its_filters_mean(connection: Connection, environ: Environ) -> None:
    await a_deployment(connection)

    assert (await typed("retry --dead --reason 429", environ)).out == "there is nothing to retry\n"
    assert "1 delivery is pending again" in (await typed("retry --dead --type sign_up --rate 5", environ)).out


async def test_a_replay_is_looked_at_then_done_then_listed(connection: Connection, environ: Environ) -> None:
    made = await a_deployment(connection)
    await made.told("sign_up:u7")

    looked = await typed("replay --type sign_up --dry-run", environ)
    assert "2 deliveries would be told once more" in looked.out
    assert "discord: 2 delivered" in looked.out
    assert "sign_up:u2|discord:1" in looked.out
    value = (await typed("replay --type sign_up --dry-run --json", environ)).value
    assert (2, {"discord": {"dead": 1, "pending": 1}}) == (value["total"], value["counts"]["others"])

    assert (await typed("replay", environ)).code == 2
    assert "say why" in (await typed("replay --type sign_up", environ)).err
    refused = await typed("replay --type sign_up --reason wiped", environ)
    assert (refused.code, "--yes" in refused.err) == (2, True)
    assert [] == (await typed("replay --list --json", environ)).value
    done = await typed("replay --type sign_up --reason wiped --by ada --yes", environ)
    assert "2 deliveries wait to be told once more" in done.out

    (row,) = (await typed("replay --list --json", environ)).value
    assert ("ada", "wiped", 2, "finished") == (row["by"], row["reason"], row["done"], row["state"])
    assert "wiped" in (await typed("replay --list", environ)).out
    told = (await typed("explain sign_up:u1", environ)).out
    assert "to be told once more, as generation 1: wiped" in told
    assert "ada" in told
    assert "told before as message_id 1" in told
    again = await typed("replay sign_up:u1 --reason wiped", environ)
    assert (again.code, "1 pending" in again.err) == (1, True)
    assert (await typed(f"replay --resume {row['id']}", environ)).code == 1
    assert (await typed("replay --drop nothing", environ)).code == 1


async def test_of_what_has_lost_its_body_a_replay_says_so(connection: Connection, environ: Environ) -> None:
    made = await a_deployment(connection)
    await made.queue.scrub(["sign_up:u1"])

    said = await typed("replay sign_up:u1 --reason wiped", environ)
    assert (said.code, "sign_up:u1: 1 of which the body was removed" in said.err) == (1, True), said.err
    looked = await typed("replay sign_up:u1 --dry-run", environ)
    assert "discord: 1 of which the body was removed, so it can be told no more" in looked.out
    assert "0 deliveries would be told once more" in looked.out
    assert {"discord": 1} == (await typed("replay --type sign_up --dry-run --json", environ)).value["counts"][
        "scrubbed"
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--resume ID --dry-run", "--resume goes on with what was begun: --dry-run has no place beside it"),
        ("--resume ID --type sign_up", "--type has no place beside it"),
        ("--resume ID sign_up:u1", "NAME has no place beside it"),
        ("--drop ID --dry-run", "--drop leaves what is left of one: --dry-run has no place beside it"),
        ("--drop ID --resume ID", "--resume has no place beside it"),
        ("--list --drop ID", "--list only lists: --drop has no place beside it"),
        ("--type sign_up --reason wiped --yes --json", "--json: only --dry-run and --list are told so"),
        ("--drop ID --json", "--json: only --dry-run and --list are told so"),
    ],
)
async def test_what_a_replay_would_pass_over_is_refused_and_nothing_is_done(
    connection: Connection, environ: Environ, words: str, told: str
) -> None:
    made = await a_deployment(connection)
    begun = await begin(connection, Selection((State.DELIVERED,)), "ada", "the channel was wiped")

    said = await typed(f"replay {words.replace('ID', begun.id)}", environ)

    assert (said.code, told in said.err) == (2, True), said.err
    assert [begun] == await Operations(connection).latest(9)
    assert [0] == [row.generation for row in await made.queue.of_event("sign_up:u1")]


async def test_a_consumer_is_paused_and_resumed(connection: Connection, environ: Environ) -> None:
    await a_deployment(connection)

    said = await typed("pause consumer:discord --reason outage --by ada --until 2h", environ)
    assert (said.code, "consumer:discord is paused by ada until" in said.out) == (0, True)
    assert "outage; 1 delivery waits" in said.out
    assert "discord (paused by ada until" in (await typed("status", environ)).out
    assert (await typed("status --json", environ)).value["consumers"][0]["pause"]["reason"] == "outage"
    assert "paused by ada" in (await typed("consumers", environ)).out
    assert "owed; paused by ada" in (await typed("explain sign_up:u4", environ)).out
    assert "`tellonce resume 'consumer:discord'`" in (await typed("explain sign_up:u3", environ)).out

    assert "it was paused by ada" in (await typed("resume consumer:discord", environ)).out
    again = await typed("resume consumer:discord", environ)
    assert (again.code, "it is not paused" in again.err) == (1, True)
    assert (await typed("status --json", environ)).value["consumers"][0]["paused"] is False


async def test_a_destination_is_paused_and_resumed(connection: Connection, environ: Environ) -> None:
    await a_deployment(connection)

    said = await typed("pause destination:discord:1 --reason outage --by ada", environ)
    assert said.out == "destination:discord:1 is paused by ada: outage; 1 delivery waits\n"
    status = (await typed("status", environ)).out
    assert "Paused destinations" in status
    assert "it is resumed" in status
    assert (await typed("status --json", environ)).value["paused"]["discord:1"]["by"] == "ada"
    assert "`tellonce resume 'destination:discord:1'`" in (await typed("explain sign_up:u3", environ)).out
    assert (await typed("resume destination:discord:1", environ)).code == 0
    assert (await typed("resume destination:discord:1", environ)).code == 1
    assert (await typed("status --json", environ)).value["paused"] == {}


async def test_a_destination_of_a_kind_that_there_is_not_is_not_paused(
    connection: Connection, environ: Environ
) -> None:
    said = await typed("pause destination:webook:crm", environ)

    assert (said.code, said.out) == (1, "")
    assert "destination:webook:crm: no such kind of destination; expected" in said.err
    assert 'did you mean "webhook"?' in said.err
    assert {} == await Pauses(connection).read()
    assert 0 == (await typed("pause destination:discord-user:112233445566778899", environ)).code


async def test_what_cannot_be_paused_is_said_in_one_line(connection: Connection, environ: Environ) -> None:
    await a_deployment(connection)

    for words, code, said in (
        ("pause consumer:nobody", 1, "registered: discord"),
        ("resume consumer:nobody", 1, "registered: discord"),
        ("pause destination:nowhere", 1, "expected run:"),
        ("pause sign_up:u1", 1, "expected run:"),
        ("pause consumer:discord --until 2020-01-01T00:00:00Z", 1, "expected a time to come"),
        ("pause consumer:discord --until soon", 2, "expected a span"),
        ("pause consumer:discord --account shop", 2, "are for runs"),
        ("pause run:sign_up:u1 --until 2h", 2, "has no end"),
    ):
        refused = await typed(words, environ)
        assert (refused.code, said in refused.err) == (code, True), refused
    assert (await typed("status --json", environ)).value["consumers"][0]["paused"] is False


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
