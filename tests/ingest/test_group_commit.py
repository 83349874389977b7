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
from telemetry.ingest.refusal import Refusal
from telemetry.store.client import Connection
from telemetry.store.events import Events
from tests.facts import an_event
from tests.ingest.conftest import Producer, Serving
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


class Clerk:
    """A group commit and what it writes to."""

    def __init__(self, connection: Connection, **bounds: Any) -> None:
        self.rows = Rows(Events(connection))
        self.clock = connection.clock
        tokens = iter(f"receipt-{n}" for n in range(1000))
        limits = {"most": 100, "room": 1000, "patience": 5.0} | bounds
        metrics = IngestMetrics(CollectorRegistry())
        self.commit = GroupCommit(self.rows, self.clock, metrics, lambda: next(tokens), lambda _: None, **limits)

    async def submit(self, *events: Event) -> Sequence[Result]:
        """Submit as a request does."""
        return await self.commit.submit(events, self.clock.monotonic())


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
        (result,) = await clerk.submit(an_event())
        group.cancel_scope.cancel()
    stored = await Events(connection).get("sign_up:u1")
    assert stored is not None
    assert ("accepted", "receipt-0") == (result.status, stored.receipt)


async def test_while_the_database_stays_away_nothing_is_half_said(connection: Connection) -> None:
    clerk = Clerk(connection, patience=0.3)
    clerk.rows.gate.set()
    clerk.rows.failures = 10**6
    async with anyio.create_task_group() as group:
        group.start_soon(clerk.commit.run)
        with pytest.raises(Refusal, match="safe"):
            await clerk.submit(an_event())
        clerk.rows.failures = 0
        (result,) = await clerk.submit(an_event())
        group.cancel_scope.cancel()
    assert "accepted" == result.status


async def test_without_a_database_ingest_is_alive_and_not_ready(serving: Serving) -> None:
    nowhere = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200"
    async with serving(ready=False, mongodb_uri=nowhere) as producer:
        assert 200 == (await producer.get("/healthz"))[0]
        assert 503 == (await producer.get("/readyz"))[0]
        status, answer = await producer.send({"event": "sign_up", "distinct_id": "u"})
        assert (503, True) == (status, "send the same again" in answer["error"])


async def test_every_form_of_request_is_taken(producer: Producer, connection: Connection) -> None:
    def event(n: int) -> dict[str, str]:
        return {"event": "sign_up", "distinct_id": f"u{n}"}

    lines = b'{"event": "sign_up", "distinct_id": "u5"}\n{"event": "sign_up", "distinct_id": "u6"}'
    assert 1 == (await producer.send(event(1)))[1]["accepted"]
    assert 1 == (await producer.send([event(1), event(2)]))[1]["accepted"]
    assert 1 == (await producer.send({"events": [event(3)]}))[1]["accepted"]
    assert 1 == (await producer.send_gzipped([event(4), event(4)]))[1]["accepted"]
    assert 2 == (await producer.send(lines, kind="application/x-ndjson; charset=utf-8"))[1]["accepted"]
    assert 6 == await Events(connection).estimate()


async def test_thirty_two_clients_at_once_store_each_fact_once(producer: Producer, connection: Connection) -> None:
    accepted: list[int] = []

    async def client() -> None:
        _, answer = await producer.send([{"event": "sign_up", "distinct_id": f"u{n}"} for n in range(50)])
        accepted.append(answer["accepted"])

    async with anyio.create_task_group() as group:
        for _ in range(32):
            group.start_soon(client)
    assert (50, 50) == (sum(accepted), await Events(connection).estimate())


async def test_what_the_api_says_of_itself_names_the_forms_and_the_answers(producer: Producer) -> None:
    status, text = await producer.get("/openapi.json")
    assert 200 == status
    for word in ("/ingest", "application/x-ndjson", "bearer", '"413"', "Retry-After"):
        assert word in text
    assert 200 == (await producer.get("/docs"))[0]
    assert "tellonce_ingest_events_total" in (await producer.get("/metrics"))[1]


async def truly(fact: Any) -> bool:
    return bool(fact())
