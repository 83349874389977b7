"""Dispatch of a backlog beside the least that any dispatcher must do."""

import time
from datetime import UTC, datetime

from telemetry.core.event import Event
from telemetry.store.client import Connection
from telemetry.store.commands import chunks
from telemetry.store.documents import delivery_row
from telemetry.store.events import OWED, Events
from telemetry.store.feed import HINTS_AT_ONCE
from telemetry.store.indexes import declared, reconcile
from tests.bench.bed import Bed, empty_database, make_bed
from tests.bench.load import key_of, submissions
from tests.bench.plan import Plan
from tests.bench.report import Figure, Say, Section
from tests.e2e.daemon import Daemon
from tests.facts import a_delivery, an_event
from tests.until import until

STORED_AT_ONCE = 1000
PATIENCE = 300


async def measure(uri: str, plan: Plan, say: Say) -> Section:
    """Time both on backlogs of one size."""
    async with make_bed(uri) as bed:
        say(f"a backlog of {plan.backlog:,}")
        seconds = await _dispatch(bed, plan.backlog)
    async with empty_database(uri) as raw:
        say("the floor")
        floor = await _floor(raw, plan.backlog)
    figures = [
        Figure("dispatch of a backlog", plan.backlog / seconds, "events/s"),
        Figure("raw stream + bulk", plan.backlog / sum(floor.values()), "events/s"),
        Figure("ratio, dispatch", sum(floor.values()) / seconds),
    ]
    return Section(figures, {"backlog": plan.backlog}, {"seconds": seconds, "floor_seconds": floor})


def _events(number: int) -> list[Event]:
    # Due lately: what is older than the usual look back waits for the pass over everything.
    now = datetime.now(UTC).replace(microsecond=0)
    return [an_event(key_of(one), due_at=now, **one["properties"]) for one in submissions(number)]


async def _store(connection: Connection, events: list[Event]) -> None:
    for some in chunks(events, STORED_AT_ONCE):
        await Events(connection).insert(some)


async def _dispatch(bed: Bed, number: int) -> float:
    await _store(bed.connection, _events(number))
    began = await _on_duty(bed.start("watch"))
    await bed.until_settled(PATIENCE)
    seconds = time.perf_counter() - began
    queued = await bed.connection["discord_queue"].count_documents({})
    assert queued == number, queued
    return seconds


async def _on_duty(watch: Daemon) -> float:
    async def taken() -> bool:
        """The watcher has its duty."""
        assert watch.process.poll() is None, watch.text()
        return bool(watch.said("duty.taken"))

    # Python's own start is not dispatch.
    await until(taken, every=0.005)
    return time.perf_counter()


async def _floor(raw: Connection, number: int) -> dict[str, float]:
    await reconcile(raw, declared(["discord"]))
    events = _events(number)
    deliveries = [delivery_row(a_delivery(event)) for event in events]
    async with raw["events"].watch([{"$match": {"operationType": "insert"}}], batch_size=HINTS_AT_ONCE) as stream:
        await _store(raw, events)
        marks = [time.perf_counter()]
        for _ in range(number):
            await stream.next()
        marks.append(time.perf_counter())
    await raw["discord_queue"].insert_many(deliveries, ordered=False)
    marks.append(time.perf_counter())
    ack = {"$set": {"acks.discord": {"at": datetime.now(UTC), "deliveries": 1}}, "$unset": {"due_at": ""}}
    await raw["events"].update_many(OWED, ack)
    marks.append(time.perf_counter())
    names = ("stream", "insert_many", "update_many")
    return {name: marks[place + 1] - marks[place] for place, name in enumerate(names)}
