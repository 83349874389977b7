"""`tellonce check --against-history`: trying the file's keys on events that are past."""

import json
import os
from pathlib import Path

import pytest

from telemetry.core.event import Repeats
from telemetry.core.key import KeyPolicy
from telemetry.store.client import Connection
from telemetry.store.keys import Keys
from telemetry.store.repeats import RepeatCounts
from tests.cli.terminal import tellonce
from tests.cli.test_verbs import a_deployment, typed

NEW = '[types.badge]\nkey = ["distinct_id"]\n'
OLD = '[types.badge]\nkey = ["distinct_id", "properties.badge"]\n'


def written(bare: Path, *events: object) -> None:
    """Write a changed file, the one before it, and a history."""
    (bare / "tellonce.toml").write_text(NEW)
    (bare / "old.toml").write_text(OLD)
    lines = [event if isinstance(event, str) else json.dumps(event) for event in events]
    (bare / "events.ndjson").write_text("\n".join(lines) + "\n")


def a_badge(who: str, badge: str) -> dict[str, object]:
    return {"event": "badge", "distinct_id": who, "properties": {"badge": badge}, "time": "2026-11-20T08:00:00Z"}


def test_a_file_of_events_is_tried_without_a_database(bare: Path) -> None:
    other = {"event": "sign_up", "distinct_id": "u1"}
    written(bare, a_badge("u1", "a"), other, "{", a_badge("u1", "b"), {"event": "badge"})

    said = tellonce("check", "--against-history", "events.ndjson", "--before", "old.toml")
    value = tellonce("check", "--against-history", "events.ndjson", "--before", "old.toml", "--json").value

    assert said.code == 0
    first, later = "badge:u1:a (line 1, 2026-11-20 08:00:00 UTC)", "badge:u1:b (line 4, 2026-11-20 08:00:00 UTC)"
    assert f"badge: suppressed: {later}, by {first}, both badge:u1; different: properties.badge\n" in said.out
    assert "2 lines would be refused under any key; line 3: not JSON: " in said.out
    (row,) = value["types"]
    assert (row["type"], row["told_now"], row["told_then"], row["suppressed"]) == ("badge", 2, 1, 1)
    assert row["samples"][0]["event"]["after"] == "badge:u1"
    assert row["samples"][0]["differs"] == ["properties.badge"]


def test_without_anything_to_compare_with_it_says_so(bare: Path) -> None:
    written(bare, a_badge("u1", "a"), a_badge("u1", "b"))

    said = tellonce("check", "--against-history", "events.ndjson")

    assert said.code == 0
    assert "what is in force is not known" in said.out
    assert "suppressed: badge:SOURCE:body-" in said.out


@pytest.mark.parametrize(("unknown", "told", "taken"), [("", 1, 2), ('[ingest]\nunknown_types = "body"\n', 3, 0)])
def test_what_a_new_type_is_today_is_what_ingest_makes_of_one_that_it_does_not_know(
    bare: Path, unknown: str, told: int, taken: int
) -> None:
    written(bare, a_badge("u1", "a"), a_badge("u2", "a"), a_badge("u3", "a") | {"insert_id": "i"})
    (bare / "old.toml").write_text(unknown)

    (row,) = tellonce("check", "--against-history", "events.ndjson", "--before", "old.toml", "--json").value["types"]

    assert (row["told_now"], row["taken"], row["told_then"]) == (told, taken, 3)


def test_a_history_is_a_file_or_a_span(bare: Path) -> None:
    written(bare)
    missing = tellonce("check", "--against-history", "nothing.ndjson")

    assert (missing.code, missing.err) == (2, "tellonce: nothing.ndjson: cannot be read: No such file or directory\n")
    assert "--since: expected from" in tellonce("check", "--since", "soon").err
    assert tellonce("check", "--since", "7d", "--against-history", "events.ndjson").code == 2
    assert tellonce("check", "--before", "old.toml").code == 2


def test_a_pipe_which_cannot_be_read_twice_is_refused(bare: Path) -> None:
    written(bare, a_badge("u1", "a"), a_badge("u1", "b"))
    read, write = os.pipe()
    os.write(write, (bare / "events.ndjson").read_bytes())
    os.close(write)

    said = tellonce("check", "--against-history", f"/dev/fd/{read}", "--before", "old.toml")
    os.close(read)

    assert said.code == 2
    assert f"/dev/fd/{read}: expected a file, as it is read twice; put what comes by a pipe into one\n" in said.err


def test_a_line_that_ingest_would_not_take_is_no_crash(bare: Path) -> None:
    written(bare, a_badge("u1", "a"), '{"a":' * 100_000, "[" * 100_000, "9" * 5000, "null", "\x00", a_badge("u1", "b"))

    said = tellonce("check", "--against-history", "events.ndjson", "--before", "old.toml")

    assert (0, "") == (said.code, said.err)
    assert "5 lines would be refused under any key; line 2: nested too deep" in said.out


async def test_what_is_stored_is_tried(connection: Connection, environ: dict[str, str], bare: Path) -> None:
    await a_deployment(connection)
    await Keys(connection).register("sign_up", KeyPolicy(("distinct_id",)))
    (bare / "tellonce.toml").write_text('[types.sign_up]\nkey = ["properties.plan"]\n')
    again = Repeats({"conflict": 2}, connection.clock.now(), ("properties.plan",))
    await RepeatCounts(connection).add({"sign_up:u1": again}, "a token")
    written_down = json.dumps({"event": "sign_up", "distinct_id": "u1", "properties": {"plan": "pro"}})
    (bare / "events.ndjson").write_text(written_down)

    said = await typed("check --since 7d", environ)
    (row,) = (await typed("check --since 7d --json", environ)).value["types"]
    sent = (await typed("check --against-history events.ndjson --json", environ)).value["types"]

    assert said.code == 0
    assert "refused: sign_up:u1" in said.out
    assert "sign_up: 1 fact: the last other body that came under the key differs in a part of the new key" in said.out
    assert "what came again is counted and not stored" in said.out
    assert (row["told_now"], row["told_then"], row["refused_by_field"]) == (4, 0, {"properties.plan": 4})
    assert [(one["type"], one["in_force"], one["told_then"]) for one in sent] == [("sign_up", ["distinct_id"], 1)]
