"""Occurrences are told when they come, late where nobody was there, and once, whoever is killed meanwhile."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import pairwise

import anyio
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from telemetry.core.due import Missed, due
from telemetry.core.errors import TellonceError, UnavailableError
from telemetry.core.event import Event
from telemetry.core.schedule import Schedule, events_of
from telemetry.core.timing import Once
from telemetry.store.client import Connection, connect
from telemetry.store.events import Events
from telemetry.store.schedules import COLLECTION, Schedules
from telemetry.watcher.metrics import WatchMetrics
from telemetry.watcher.timetable import Timetable
from telemetry.watcher.watcher import Watcher
from tests.bench.tally import Tally, total
from tests.timed import add, an_entry, every, get
from tests.until import until
from tests.watcher.conftest import make_watcher


def a_timetable(connection: Connection, events: Events | None = None) -> Timetable:
    """Make one that looks by itself once in ten minutes."""
    metrics = WatchMetrics(CollectorRegistry())
    return Timetable(Schedules(connection), events or Events(connection), connection.clock, metrics, 600)


async def one_round(connection: Connection, events: Events | None = None) -> Timetable:
    """Have a process that has just started tell all that is due."""
    timetable = a_timetable(connection, events)
    await timetable.read()
    while not await timetable.round():
        pass
    return timetable


async def told(connection: Connection, name: str) -> list[Event]:
    """Read the events of a schedule, by time."""
    keys = [row["_id"] for row in await connection["events"].find({"source": f"schedule:{name}"}).to_list(None)]
    return sorted(await Events(connection).fetch(keys), key=lambda event: event.time)


async def test_an_occurrence_is_told_when_it_comes(connection: Connection) -> None:
    now = connection.clock.now()
    await add(connection, "often", an_entry(every(1, now)))
    async with anyio.create_task_group() as group:
        group.start_soon(a_timetable(connection).run)

        async def three() -> bool:
            """Three were told."""
            return len(await told(connection, "often")) >= 3

        await until(three)
        group.cancel_scope.cancel()
    events = await told(connection, "often")
    first = events[0]
    assert {timedelta(seconds=1)} == {b.time - a.time for a, b in pairwise(events)}
    assert all(timedelta() <= event.received_at - event.time < timedelta(seconds=10) for event in events)
    assert ("reminder", "team", {"text": "hello"}, None) == (
        first.type,
        first.distinct_id,
        first.properties,
        first.deliver_at,
    )
    assert f"reminder:often#1@{first.time:%Y%m%dT%H%M%SZ}" == first.key


async def test_several_watchers_at_once_tell_each_occurrence_once(connection: Connection) -> None:
    """
    No leader is needed: the occurrence is the key, and its schedule's row says what is decided.
    """
    now = connection.clock.now()
    for name in ("a", "b", "c"):
        await add(connection, name, an_entry(every(1, now), missed=Missed.ALL), asleep=150)
    timetables = [a_timetable(connection) for _ in range(3)]
    with capture_logs() as lines:
        async with anyio.create_task_group() as group:
            for timetable in timetables:
                group.start_soon(timetable.run)

            async def caught_up() -> bool:
                """All have told a hundred and fifty."""
                return all([len(await told(connection, name)) >= 150 for name in "abc"])

            await until(caught_up)
            group.cancel_scope.cancel()
    for name in "abc":
        times = [event.time for event in await told(connection, name)]
        assert {timedelta(seconds=1)} == {b - a for a, b in pairwise(times)}
    assert not [line for line in lines if line["event"] in ("schedule.blocked", "schedule.failed")]


@pytest.mark.parametrize("steps", ["decided", "decided and stored", "decided, stored and noted"])
async def test_an_occurrence_is_told_once_wherever_its_watcher_was_killed(connection: Connection, steps: str) -> None:
    now = connection.clock.now()
    known = await add(connection, "hourly", an_entry(every(3600, now)), asleep=3600)
    decided = due(known.entry.timing, known.cursor, now, Missed.LATEST)
    assert decided is not None
    advanced = await Schedules(connection).advance(known, decided)
    assert advanced is not None
    (firing,) = advanced.firings
    if "stored" in steps:
        await Events(connection).insert(events_of("hourly", firing, now))
    if "noted" in steps:
        await Schedules(connection).told("hourly", firing)

    for _ in range(2):
        await one_round(connection)
        (event,) = await told(connection, "hourly")
        assert decided.occurrences[0] == event.time
        assert not (await get(connection, "hourly")).firings


@pytest.mark.parametrize("change", ["pause", "remove"])
async def test_what_was_decided_before_a_pause_or_a_removal_is_told_all_the_same(
    connection: Connection, change: str
) -> None:
    now = connection.clock.now()
    known = await add(connection, "hourly", an_entry(every(3600, now)), asleep=3600)
    decided = due(known.entry.timing, known.cursor, now, Missed.LATEST)
    assert decided is not None
    assert await Schedules(connection).advance(known, decided)
    assert await getattr(Schedules(connection), change)(known)
    await one_round(connection)
    assert decided.occurrences == [event.time for event in await told(connection, "hourly")]
    assert not (await get(connection, "hourly")).firings


async def test_a_watcher_whose_memory_is_old_tells_nothing_twice(connection: Connection) -> None:
    """
    One that was stopped for a while still holds the rows as they were.
    """
    await add(connection, "hourly", an_entry(every(3600, connection.clock.now())), asleep=3600)
    stopped = a_timetable(connection)
    await stopped.read()
    await one_round(connection)
    await stopped.round()
    assert 1 == len(await told(connection, "hourly"))
    assert not (await get(connection, "hourly")).firings


@pytest.mark.parametrize(
    ("missed", "number", "left_out"), [(Missed.ALL, 10, 0), (Missed.LATEST, 1, 9), (Missed.NONE, 0, 10)]
)
async def test_what_was_missed_while_nobody_ran_is_told_as_the_schedule_says(
    connection: Connection, missed: Missed, number: int, left_out: int
) -> None:
    """
    A reminder that came due during an outage is still delivered; a flood of them is nobody's wish.
    """
    # Five minutes after an hour: none is on time.
    timing = every(3600, connection.clock.now() - timedelta(seconds=300))
    await add(connection, "hourly", an_entry(timing, missed=missed), asleep=36000)
    with capture_logs() as lines:
        timetable = await one_round(connection)
    events = await told(connection, "hourly")
    assert number == len(events)
    counted = timetable._metrics.occurrences
    assert (number, left_out) == tuple(
        counted.labels("hourly", came_to)._value.get() for came_to in ("told", "left out")
    )
    (line,) = [line for line in lines if line["event"] == "schedule.missed"]
    assert ("warning", "hourly", missed, number, str(left_out)) == (
        line["log_level"],
        line["schedule"],
        line["policy"],
        line["told"],
        line["left_out"],
    )
    after = await get(connection, "hourly")
    assert [left_out] * bool(left_out) == [left.span.count for left in after.left_out]
    if missed is Missed.LATEST:
        assert 9 == (events[0].origin or {})["left_out"]["count"]
        assert connection.clock.now() - events[0].time < timedelta(minutes=6)


async def test_once_is_told_late_and_then_has_ended(connection: Connection) -> None:
    moment = connection.clock.now().replace(microsecond=0) - timedelta(hours=5)
    await add(connection, "party", an_entry(Once(moment)), asleep=86400)
    timetable = await one_round(connection)
    assert [moment] == [event.time for event in await told(connection, "party")]
    assert float("inf") == await timetable.round()
    assert (await get(connection, "party")).upcoming is None


async def test_an_edit_swallows_no_new_occurrence_and_leaves_no_old_one(connection: Connection) -> None:
    """
    Also where a watcher had the old timing in memory, and where both timings have the same moment.
    """
    now = connection.clock.now()
    known = await add(connection, "often", an_entry(every(1, now)), asleep=5)
    timetable = await one_round(connection)
    before = await told(connection, "often")
    known = await get(connection, "often")
    assert await Schedules(connection).edit(known, an_entry(every(2, now), properties={"text": "new"}), "database")

    edited = await get(connection, "often")
    await timetable.round()
    assert before == await told(connection, "often")

    async def new() -> bool:
        """One of the new timing was told."""
        await one_round(connection)
        return len(await told(connection, "often")) > len(before)

    await until(new)
    fresh = (await told(connection, "often"))[len(before) :]
    assert {"new"} == {event.properties["text"] for event in fresh}
    assert all("#2@" in event.key and event.time > edited.cursor for event in fresh)


async def test_what_would_come_during_a_pause_is_left_out_and_the_next_one_comes(connection: Connection) -> None:
    now = connection.clock.now()
    known = await add(connection, "often", an_entry(every(1, now)), asleep=30)
    schedules = Schedules(connection)
    assert await schedules.pause(known)
    await one_round(connection)
    assert [] == await told(connection, "often")
    assert await schedules.resume(await get(connection, "often"))
    resumed = await get(connection, "often")
    assert resumed.upcoming is not None
    assert resumed.upcoming > now

    async def one() -> bool:
        """One was told."""
        await one_round(connection)
        return bool(await told(connection, "often"))

    await until(one)
    assert resumed.upcoming == (await told(connection, "often"))[0].time


class Refusing(Events):
    """Events of which one schedule's are refused for good."""

    async def insert(self, events: Sequence[Event]) -> dict[str, Event]:
        """Refuse them."""
        if any(event.source == "schedule:bad" for event in events):
            raise TellonceError("too large for a document")
        return await super().insert(events)


async def test_a_schedule_that_fails_or_cannot_be_read_holds_up_no_other(connection: Connection) -> None:
    now = connection.clock.now()
    await connection[COLLECTION].insert_one({"_id": "aa torn", "due": 3})
    for name in ("bad", "good"):
        await add(connection, name, an_entry(every(3600, now)), asleep=3600)
    with capture_logs() as lines:
        timetable = await one_round(connection, Refusing(connection))
        await timetable.read()
    assert (0, 1) == (len(await told(connection, "bad")), len(await told(connection, "good")))
    said = [(line["event"], line["schedule"]) for line in lines if line["log_level"] == "error"]
    assert [("schedule.unreadable", "aa torn"), ("schedule.failed", "bad")] == said

    # What was decided is told as soon as it can be.
    await one_round(connection)
    assert 1 == len(await told(connection, "bad"))


class Away(Events):
    """Events that cannot be stored for now."""

    async def insert(self, events: Sequence[Event]) -> dict[str, Event]:
        """Say so."""
        raise UnavailableError("the database does not answer")


async def test_what_is_decided_stays_noted_until_it_is_stored(connection: Connection) -> None:
    await add(connection, "hourly", an_entry(every(3600, connection.clock.now())), asleep=3600)
    with pytest.raises(UnavailableError):
        await one_round(connection, Away(connection))
    assert 1 == len((await get(connection, "hourly")).firings)
    await one_round(connection)
    assert 1 == len(await told(connection, "hourly"))


async def test_while_nothing_is_due_nothing_is_asked(mongodb_uri: str, connection: Connection, database: str) -> None:
    tally = Tally()
    for number in range(20):
        await add(connection, f"s{number}", an_entry(every(86400 * 2, connection.clock.now())))
    async with connect(mongodb_uri, database, listeners=[tally]) as watched:
        before = total(tally.counts(), "commands")

        async def asked() -> int:
            """It has read the schedules."""
            return total(tally.counts(), "commands") - before

        async with anyio.create_task_group() as group:
            timetable = a_timetable(watched)
            group.start_soon(timetable.run)
            assert 1 == await until(asked)
            for _ in range(50):
                assert await timetable.round() > 3600
            # Time must pass for something to be asked in it.
            await anyio.sleep(1)
            assert 1 == await asked()
            group.cancel_scope.cancel()


async def test_a_schedule_that_is_added_while_watching_is_told_of_by_the_stream(connection: Connection) -> None:
    timetable = a_timetable(connection)
    watcher = _watcher(connection, timetable)
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(anyio.create_task_group())
        group.start_soon(timetable.run)
        group.start_soon(watcher.run)
        await add(connection, "often", an_entry(every(1, connection.clock.now())))

        async def one() -> bool:
            """One was told."""
            return bool(await told(connection, "often"))

        await until(one)
        known: Schedule = await get(connection, "often")
        assert await Schedules(connection).remove(known)
        group.cancel_scope.cancel()


def _watcher(connection: Connection, timetable: Timetable) -> Watcher:
    return make_watcher(connection, [], beside={COLLECTION: timetable.changed})[0]


async def test_a_schedule_in_a_zone_that_this_machine_does_not_know_holds_up_no_other(connection: Connection) -> None:
    """
    It may have been added on a machine whose zones are others: newer ones, or whatever way they are spelt.
    """
    now = connection.clock.now()
    for name in ("aa", "good"):
        await add(connection, name, an_entry(every(3600, now)), asleep=3600)
    await connection[COLLECTION].update_one(
        {"_id": "aa"}, {"$set": {"zone": "europe/nowhere", "timing": {"cron": "0 9 * * *"}}}
    )
    with capture_logs() as lines:
        await one_round(connection)
    assert 1 == len(await told(connection, "good"))
    assert [("schedule.unreadable", "aa")] == [
        (line["event"], line["schedule"]) for line in lines if line["log_level"] == "error"
    ]
