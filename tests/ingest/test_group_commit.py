from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import anyio
import pytest
from prometheus_client import CollectorRegistry

from telemetry.core.errors import UnavailableError
from telemetry.core.event import Event
from telemetry.ingest.accept import Result
from telemetry.ingest.group_commit import GroupCommit
from telemetry.ingest.metrics import IngestMetrics
from telemetry.ingest.policies import InForce
from telemetry.ingest.refusal import Refusal, busy
from telemetry.store.client import Connection
from telemetry.store.deferred import Deferred
from telemetry.store.events import Events
from tests.facts import an_event
from tests.until import until


class Rows:
    """Event rows whose writes can be held and made to fail."""

    def __init__(self, rows: Events) -> None:
        self.rows = rows
        self.writes: list[list[str]] = []
        self.gate = anyio.Event()
        self.failures = 0
        self.invisible = 0

    async def insert(self, events: Sequence[Event]) -> dict[str, Event]:
        """Write once the gate is open, after so many failures."""
        self.writes.append([event.key for event in events])
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise UnavailableError("the database does not answer")
        return await self.rows.insert(events)


class Settled:
    """Key policies that may have been switched under an event."""

    def __init__(self) -> None:
        self.switched: set[str] = set()

    async def confirm(self, keyed: InForce) -> None:
        """Refuse what was keyed before the switch."""
        if self.switched & keyed.keys():
            raise busy("switched")


class Clerk:
    """A group commit and what it writes to."""

    def __init__(self, connection: Connection, **bounds: Any) -> None:
        self.rows = Rows(Events(connection))
        self.clock = connection.clock
        limits = {"most": 100, "room": 1000} | bounds
        self.policies = Settled()
        self.health: list[str | None] = []
        metrics = IngestMetrics(CollectorRegistry())
        revise = Deferred(connection).revise
        self.commit = GroupCommit(self.rows, revise, self.policies, self.clock, metrics, self.health.append, **limits)

    async def submit(self, *events: Event) -> Sequence[Result]:
        """Submit as a request does."""
        return await self.commit.submit(events, dict.fromkeys(event.type for event in events))


async def test_requests_that_come_during_a_write_share_the_next_and_each_hears_of_its_own(
    connection: Connection,
) -> None:
    clerk, answers = Clerk(connection), dict[str, list[str | None]]()

    async def request(name: str) -> None:
        answers[name] = [result.id for result in await clerk.submit(an_event(f"t:{name}1"), an_event(f"t:{name}2"))]

    async with anyio.create_task_group() as group:
        group.start_soon(clerk.commit.run)
        group.start_soon(request, "first")
        await until(lambda: truly(lambda: len(clerk.rows.writes) == 1))
        for name in "abcde":
            group.start_soon(request, name)
        await anyio.wait_all_tasks_blocked()
        clerk.rows.gate.set()
        await until(lambda: truly(lambda: len(answers) == 6))
        group.cancel_scope.cancel()
    assert [2, 10] == [len(write) for write in clerk.rows.writes]
    assert all(ids == [f"t:{name}1", f"t:{name}2"] for name, ids in answers.items())


async def test_equal_keys_in_one_group_are_folded_before_the_write(connection: Connection) -> None:
    clerk = Clerk(connection)
    clerk.rows.gate.set()
    first = an_event("sign_up:u1")
    async with anyio.create_task_group() as group:
        group.start_soon(clerk.commit.run)
        results = await clerk.submit(first, replace(first), an_event("sign_up:u1", plan="pro"))
        group.cancel_scope.cancel()
    assert [["sign_up:u1"]] == clerk.rows.writes
    assert ["accepted", "duplicate", "conflict"] == [result.status for result in results]


async def test_a_full_queue_is_refused_at_once(connection: Connection) -> None:
    clerk = Clerk(connection, room=2)
    async with anyio.create_task_group() as group:
        group.start_soon(clerk.submit, an_event("t:1"), an_event("t:2"))
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(1), pytest.raises(Refusal, match="full") as refused:
            await clerk.submit(an_event("t:3"))
        group.cancel_scope.cancel()
    assert (503, "1") == (refused.value.status, refused.value.headers["Retry-After"])


async def test_a_passing_failure_is_waited_out_and_what_an_earlier_try_wrote_is_still_new(
    connection: Connection,
) -> None:
    clerk = Clerk(connection)
    clerk.rows.gate.set()
    clerk.rows.failures = 2
    async with anyio.create_task_group() as group:
        group.start_soon(clerk.commit.run)
        (result,) = await clerk.submit(an_event())
        group.cancel_scope.cancel()
    assert ("accepted", 3) == (result.status, len(clerk.rows.writes))


async def test_a_duplicate_is_answered_only_once_the_row_that_blocks_is_committed(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A failover rolls back the row that a duplicate would have been answered from: the event is stored anew.
    """
    clerk = Clerk(connection)
    clerk.rows.gate.set()
    await Events(connection).insert([an_event(receipt="to be rolled back")])
    behind = clerk.rows.rows._behind

    async def roll_back(keys: Sequence[str]) -> dict[str, Event]:
        monkeypatch.setattr(clerk.rows.rows, "_behind", behind)
        await connection["events"].delete_one({"_id": "sign_up:u1"})
        return {}

    monkeypatch.setattr(clerk.rows.rows, "_behind", roll_back)
    async with anyio.create_task_group() as group:
        group.start_soon(clerk.commit.run)
        (result,) = await clerk.submit(an_event(receipt="anew"))
        group.cancel_scope.cancel()
    stored = await Events(connection).get("sign_up:u1")
    assert stored is not None
    assert ("accepted", "anew") == (result.status, stored.receipt)


async def test_a_request_that_gives_up_takes_nothing_back(connection: Connection) -> None:
    clerk = Clerk(connection)
    async with anyio.create_task_group() as group:
        group.start_soon(clerk.commit.run)
        with anyio.move_on_after(0.05):
            await clerk.submit(an_event(receipt="first"))
        clerk.rows.gate.set()
        (again,) = await clerk.submit(an_event(receipt="again"))
        group.cancel_scope.cancel()
    assert "duplicate" == again.status


async def test_while_the_database_stays_away_it_is_tried_again_for_as_long_as_somebody_waits(
    connection: Connection,
) -> None:
    clerk = Clerk(connection)
    clerk.rows.gate.set()
    clerk.rows.failures = 10**6
    async with anyio.create_task_group() as group:
        group.start_soon(clerk.commit.run)
        with anyio.move_on_after(1.3):
            await clerk.submit(an_event())
        clerk.rows.failures = 0
        (result,) = await clerk.submit(an_event("sign_up:u2"))
        group.cancel_scope.cancel()
    assert "accepted" == result.status
    assert ["the database does not answer", None] == sorted(set(clerk.health), key=str, reverse=True)


async def test_what_was_keyed_before_a_switch_is_not_written_and_the_request_beside_it_is(
    connection: Connection,
) -> None:
    clerk = Clerk(connection)
    clerk.rows.gate.set()
    clerk.policies.switched = {"badge"}
    statuses: list[str] = []

    async def other() -> None:
        statuses.extend(result.status for result in await clerk.submit(an_event("sign_up:u1")))

    async def switched() -> None:
        with pytest.raises(Refusal, match="switched"):
            await clerk.submit(an_event("badge:u1"))

    async with anyio.create_task_group() as group:
        async with anyio.create_task_group() as requests:
            requests.start_soon(other)
            requests.start_soon(switched)
            await anyio.wait_all_tasks_blocked()
            group.start_soon(clerk.commit.run)
        group.cancel_scope.cancel()
    assert (["accepted"], [["sign_up:u1"]]) == (statuses, clerk.rows.writes)


async def test_what_can_never_be_written_costs_only_its_own_request(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = Clerk(connection)
    clerk.rows.gate.set()
    insert, answers = clerk.rows.insert, dict[str, int]()

    async def choke(events: Sequence[Event]) -> dict[str, Event]:
        if any(event.key == "t:bad" for event in events):
            raise ValueError("too large for a document")
        return await insert(events)

    monkeypatch.setattr(clerk.rows, "insert", choke)

    async def request(name: str) -> None:
        try:
            await clerk.submit(an_event(f"t:{name}"))
        except Refusal as refusal:
            answers[name] = refusal.status
        else:
            answers[name] = 202

    async with anyio.create_task_group() as group:
        async with anyio.create_task_group() as requests:
            for name in ("good", "bad", "fine"):
                requests.start_soon(request, name)
            await anyio.wait_all_tasks_blocked()
            group.start_soon(clerk.commit.run)
        group.cancel_scope.cancel()
    assert {"good": 202, "bad": 500, "fine": 202} == answers


async def test_a_committer_that_stops_tells_everybody_to_send_again(connection: Connection) -> None:
    clerk = Clerk(connection, most=1)
    refused: list[int] = []

    async def request(name: str) -> None:
        try:
            await clerk.submit(an_event(name))
        except Refusal as refusal:
            refused.append(refusal.status)

    async with anyio.create_task_group() as requests:
        async with anyio.create_task_group() as group:
            group.start_soon(clerk.commit.run)
            for name in ("t:in flight", "t:queued"):
                requests.start_soon(request, name)
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        requests.start_soon(request, "t:late")
    assert [503, 503, 503] == refused


async def test_a_request_larger_than_the_queue_has_its_turn_when_nobody_waits(connection: Connection) -> None:
    clerk = Clerk(connection, room=2, most=2)
    clerk.rows.gate.set()
    async with anyio.create_task_group() as group:
        group.start_soon(clerk.commit.run)
        assert 5 == len(await clerk.submit(*(an_event(f"t:{n}") for n in range(5))))
        group.cancel_scope.cancel()


async def truly(fact: Any) -> bool:
    return bool(fact())
