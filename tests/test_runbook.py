"""The runbook's commands and queries run, and say what it says that they do."""

import json
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from telemetry.core.cron import check_cron
from telemetry.core.delivery import Signal, State
from telemetry.core.event import Event
from telemetry.store.attempts import Attempt, Attempts
from telemetry.store.claims import Claims
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.indexes import declared, reconcile
from telemetry.store.lanes import Lanes
from telemetry.store.registry import Registry
from tests.cli.terminal import tellonce
from tests.facts import a_delivery, an_event

ROUTES = """
[[discord.routes]]
events = ["sign_up", "badge_awarded"]
channel = "community"
title = "{{ distinct_id }}"
"""
PAGE = (Path(__file__).parents[1] / "docs" / "runbook.md").read_text()
QUERIES: Mapping[str, Any] = {
    name: json.loads(text) for name, text in re.findall(r"```json (\w+)\n(.*?)```", PAGE, re.DOTALL)
}


COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
# What each exits with on the deployment below: there is no ingest, so no canary comes through.
CODES = {line: 1 if line.startswith("tellonce canary") else 0 for line in COMMANDS}


async def ask(connection: Connection, name: str, **changes: Any) -> list[dict[str, Any]]:
    """Run a query of the page."""
    now = connection.clock.now()
    words = {"NOW": now, "YESTERDAY": now - timedelta(days=1)}
    answer = await connection.database.command(_with(QUERIES[name], words) | changes)
    return list(answer["cursor"]["firstBatch"])


def _with(query: Any, words: Mapping[str, datetime]) -> Any:
    """Put moments in the place of the words for them."""
    if isinstance(query, dict):
        return {name: _with(part, words) for name, part in query.items()}
    if isinstance(query, list):
        return [_with(part, words) for part in query]
    return words.get(query, query) if isinstance(query, str) else query


def a_follow_up(key: str, subject: str) -> Event:
    origin = {"handler": "find_winners", "event": "campaign_closing:c1"}
    return replace(an_event(key), distinct_id=subject, origin=origin)


def test_every_verb_that_the_page_speaks_of_is_one() -> None:
    for words in sorted(set(re.findall(r"`tellonce ([a-z]+(?: [a-z]+)?)", PAGE))):
        said = tellonce(*words.split(), "--help")
        assert 0 == said.code, (words, said.err)


async def test_every_command_of_the_page_runs(
    connection: Connection, mongodb_uri: str, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = "".join(re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
    (tmp_path / "tellonce.toml").write_text(file + ROUTES)
    environ = {"TELLONCE_MONGODB_URI": mongodb_uri, "TELLONCE_DATABASE": database, "TELLONCE_INGEST_PORT": "1"}
    await reconcile(connection, declared(["discord", "webhook"]))
    await Registry(connection).register("discord")
    assert len(COMMANDS) > 10
    for line in dict.fromkeys(COMMANDS):
        words = shlex.split(line.replace("--wait 2m", ""))[1:]
        words += ["--wait", "1s"] if words[0] == "canary" else []
        said = await anyio.to_thread.run_sync(partial(tellonce, *words, **environ))
        assert CODES[line] == said.code, (line, said.out, said.err)
        assert "arrived" not in said.out or "ingest" in said.out, said.out


@pytest.mark.parametrize(("days", "mailed"), [(2, "-s a canary is stuck ops\n"), (0, "")])
async def test_the_line_for_cron_runs_and_writes_to_somebody_where_a_canary_is_stuck(
    connection: Connection, mongodb_uri: str, database: str, tmp_path: Path, days: int, mailed: str
) -> None:
    (line,) = re.findall(r"```crontab\n(.*?)\n```", PAGE, re.DOTALL)
    words = line.split(maxsplit=5)
    assert check_cron(" ".join(words[:5]))
    (tmp_path / "tellonce.toml").write_text("".join(re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)) + ROUTES)
    # What the machine would have: a way to write to people, and places of its own.
    mail = tmp_path / "mail"
    mail.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/mailed\n')
    mail.chmod(0o700)
    (tmp_path / "mailed").write_text("")
    command = words[5].replace("/srv/tellonce", str(tmp_path)).replace("/var/log", str(tmp_path))
    environ = {"TELLONCE_MONGODB_URI": mongodb_uri, "TELLONCE_DATABASE": database, "TELLONCE_INGEST_PORT": "1"}
    environ["PATH"] = f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin"
    await reconcile(connection, declared(["discord", "webhook"]))
    await Registry(connection).register("discord")
    lately = connection.clock.now() - timedelta(days=days)
    facts = [an_event("sign_up:u1"), an_event("badge_awarded:u1")]
    await Events(connection).insert([replace(fact, received_at=lately) for fact in facts])

    ran = await anyio.run_process(["sh", "-c", command.replace("--json", "--json --wait 1s")], env=environ, check=False)

    assert mailed == (tmp_path / "mailed").read_text(), ran.stderr
    said = json.loads((tmp_path / "tellonce-canary.json").read_text())
    assert bool(mailed) == bool(said["canaries"]), said


def test_each_query_of_the_page_is_asked_here() -> None:
    assert {"twice", "waiting_twice", "workers", "stalled", "retries", "attempts"} == set(QUERIES)


async def test_what_follows_from_a_fact_once_a_subject_returns_no_rows(connection: Connection) -> None:
    await Events(connection).insert([a_follow_up("winner_found:u1", "u1"), a_follow_up("winner_found:u2", "u2")])
    assert [] == await ask(connection, "twice")
    await Events(connection).insert([a_follow_up("winner_found:u1:again", "u1")])
    (found,) = await ask(connection, "twice")
    assert ("u1", 2) == (found["_id"]["subject"], found["events"])


async def test_a_delivery_that_waits_is_one_row(connection: Connection) -> None:
    row = a_delivery(an_event())
    await Deliveries(connection, "discord").offer([row, row])
    assert [] == await ask(connection, "waiting_twice")
    await Deliveries(connection, "discord").offer([replace(row, id=f"{row.id}-forged")])
    assert [2] == [found["rows"] for found in await ask(connection, "waiting_twice")]


async def test_who_is_at_work_is_who_holds_a_lane(connection: Connection) -> None:
    lanes = Lanes(connection, "webhook")
    await lanes.acquire("webhook:crm", "courier-1", 60)
    await lanes.acquire("webhook:old", "courier-2", 60)
    await lanes.release("courier-2")
    assert ["webhook|webhook:crm"] == [row["_id"] for row in await ask(connection, "workers")]


@pytest.fixture
async def claimed(connection: Connection) -> list[str]:
    """Two claimed deliveries, of which one's courier has gone quiet, and one that failed twice."""
    queue, claims, now = Deliveries(connection, "webhook"), Claims(connection, "webhook"), connection.clock.now()
    rows = [a_delivery(an_event(f"sign_up:u{number}"), "webhook:crm") for number in range(3)]
    await queue.offer([*rows[:2], replace(rows[2], failures=2)])
    for row, until in zip(rows[:2], (now + timedelta(minutes=1), now - timedelta(minutes=1)), strict=True):
        assert await claims.take(row, "courier-1", until)
    return [row.id for row in rows]


async def test_what_has_stalled_is_what_nobody_keeps_hold_of(connection: Connection, claimed: list[str]) -> None:
    assert [claimed[1]] == [row["_id"] for row in await ask(connection, "stalled")]


async def test_tries_are_counted_by_failures(connection: Connection, claimed: list[str]) -> None:
    await Deliveries(connection, "webhook").settle([(claimed[0], 0)], Signal.DONE, result={"status": 200})
    counted = {
        (row["_id"]["state"], row["_id"]["failures"]): row["deliveries"] for row in await ask(connection, "retries")
    }
    assert {(State.LEASED.value, 0): 1, (State.PENDING.value, 2): 1} == counted


async def test_attempts_are_counted_by_hour_and_outcome(connection: Connection) -> None:
    now = connection.clock.now()
    tries = [Attempt("k|d:1", now, "retry", "busy", "courier-1"), Attempt("k|d:1", now, "delivered", "", "courier-1")]
    await Attempts(connection).append([*tries, replace(tries[0], at=now - timedelta(days=2))])
    assert {"delivered": 1, "retry": 1} == {
        row["_id"]["outcome"]: row["tries"] for row in await ask(connection, "attempts")
    }
