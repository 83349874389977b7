"""What is to be told later is told then, once, whatever happened meanwhile."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import anyio
import pytest

from telemetry.core.delivery import State
from telemetry.core.event import Event
from telemetry.store.client import Connection
from telemetry.store.deferred import Deferred
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.watcher.soon import Soon
from tests.facts import Recorder, an_event
from tests.until import until
from tests.watcher.conftest import Watching


async def a_reminder(connection: Connection, key: str, seconds: float) -> Event:
    """Store an event that is due in so many seconds."""
    now = connection.clock.now()
    due = now + timedelta(seconds=seconds)
    event = replace(an_event(key, due_at=due), received_at=now, deliver_at=due, revision=0)
    await Events(connection).insert([event])
    return event


async def told(connection: Connection) -> list[str]:
    """List what was offered."""
    return [row.event for row in await Deliveries(connection, "recorder").standing(State.PENDING, 100)]


async def settled(connection: Connection, *keys: str) -> Sequence[Event]:
    """Wait until events are settled."""

    async def all_settled() -> Sequence[Event]:
        """Nothing of them is owed."""
        events = await Events(connection).fetch(keys)
        return events if len(events) == len(keys) and all(event.due_at is None for event in events) else []

    return await until(all_settled)


async def test_it_is_told_at_its_time_though_the_next_sweep_is_far_off(
    connection: Connection, watching: Watching
) -> None:
    async with watching(Recorder(), sweep_every=300.0):
        event = await a_reminder(connection, "sign_up:soon", 1.0)
        (after,) = await settled(connection, event.key)
    assert 0 == after.fired
    assert after.acks["recorder"].at >= (event.due_at or after.time) - timedelta(milliseconds=1)
    assert ["sign_up:soon"] == await told(connection)


async def test_what_fell_due_while_nobody_watched_is_told_late_and_once(
    connection: Connection, watching: Watching
) -> None:
    event = await a_reminder(connection, "sign_up:late", 0.2)
    await until_due(connection, event)
    for _ in range(2):
        async with watching(Recorder()):
            await settled(connection, event.key)
    assert ["sign_up:late"] == await told(connection)


async def test_brought_forward_it_is_told_at_once(connection: Connection, watching: Watching) -> None:
    async with watching(Recorder(), sweep_every=300.0):
        event = await a_reminder(connection, "sign_up:u1", 3600)
        now = connection.clock.now()
        await Deferred(connection).revise(replace(event, revision=1, deliver_at=None, due_at=now, receipt="r2"))
        (after,) = await settled(connection, event.key)
    assert 1 == after.fired


async def test_put_off_at_the_last_moment_it_is_not_told_at_the_former_time(
    connection: Connection, watching: Watching
) -> None:
    event = await a_reminder(connection, "sign_up:u1", 1.0)
    async with watching(Recorder()) as dispatcher:
        later = connection.clock.now() + timedelta(hours=1)
        await Deferred(connection).revise(replace(event, revision=1, deliver_at=later, due_at=later, receipt="r2"))
        await until_due(connection, event)
        # Another watcher may have read it before the revision.
        assert [] == await dispatcher.dispatch([event])
        other = await a_reminder(connection, "sign_up:other", 0)
        await settled(connection, other.key)
    assert ["sign_up:other"] == await told(connection)
    (after,) = await Events(connection).fetch([event.key])
    assert (None, {}) == (after.fired, after.acks)


async def test_cancelled_in_time_it_is_told_to_nobody(connection: Connection, watching: Watching) -> None:
    event = await a_reminder(connection, "sign_up:u1", 0.5)
    async with watching(Recorder()):
        await Deferred(connection).cancel(event.key, "ada", "not needed")
        await until_due(connection, event)
        other = await a_reminder(connection, "sign_up:other", 0)
        await settled(connection, other.key)
    assert ["sign_up:other"] == await told(connection)


async def test_while_its_only_consumer_is_paused_it_may_still_be_cancelled(
    connection: Connection, watching: Watching
) -> None:
    event = await a_reminder(connection, "sign_up:u1", 0)
    async with watching(Recorder()) as dispatcher:
        await connection["consumers"].update_one({"_id": "recorder"}, {"$set": {"paused": True}})
        await dispatcher.dispatch([event])
        cancelled = await Deferred(connection).cancel(event.key, "ada", "in time")
    assert cancelled is not None
    assert cancelled.cancelled or cancelled.fired == 0


async def test_killed_between_firing_and_offering_its_successor_offers_it(
    connection: Connection, watching: Watching
) -> None:
    event = await a_reminder(connection, "sign_up:u1", 0)
    assert {event.key} == await Deferred(connection).fire([event])
    async with watching(Recorder()):
        await settled(connection, event.key)
    assert [event.key] == await told(connection)


async def test_what_falls_due_while_the_rest_of_a_sweep_is_read_is_not_overtaken_by_it(
    connection: Connection, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = connection.clock.now()
    await Events(connection).insert([an_event(f"sign_up:{n}", due_at=now) for n in range(99)])
    first, second = [await a_reminder(connection, f"sign_up:{key}", 0.5) for key in ("first", "second")]
    assert first.order < second.order
    owed, readings = Events.owed, count()

    async def slow(self: Events, *asked: Any) -> list[Event]:
        """Read the second page when all in it is due."""
        if next(readings):
            await until_due(connection, second)
        return await owed(self, *asked)

    monkeypatch.setattr(Events, "owed", slow)
    recorder = Recorder()
    async with watching(recorder):
        await settled(connection, first.key, second.key)
    assert [first.key, second.key] == recorder.planned[-2:]


async def until_due(connection: Connection, event: Event) -> None:
    """Wait until an event's time has come."""
    left = ((event.due_at or event.time) - connection.clock.now()).total_seconds()
    await anyio.sleep(max(left, 0) + 0.05)


def test_what_is_due_soon_comes_up_in_its_time_once_and_by_the_latest_word() -> None:
    start = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    end = start + timedelta(minutes=1)

    def due(key: str, seconds: float) -> Event:
        return an_event(key, due_at=start + timedelta(seconds=seconds))

    soon = Soon(most=4)
    soon.note([due("t:b", 2), due("t:a", 1), due("t:far", 3600), due("t:a", 1)], end)
    assert 1.0 == soon.pause(start)
    soon.note([due("t:b", 9)], end)
    assert ["t:a"] == soon.take(start + timedelta(seconds=5), 9)
    soon.note([due("t:c", 6), due("t:d", 7), due("t:e", 8), due("t:too many", 8)], end)
    assert ["t:c", "t:d"] == soon.take(end, 2)
    assert ["t:e", "t:b"] == soon.take(end, 9)
    assert float("inf") == soon.pause(end)
