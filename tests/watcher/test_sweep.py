from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from telemetry.core.clock import CLOCK_ERROR
from telemetry.core.event import Ack, Event
from telemetry.watcher.sweep import Progress, Sweep
from tests.facts import LONG_AGO, an_event


class Rows:
    """An owed index in memory that counts what is read."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = sorted(events, key=lambda event: (event.due_at or LONG_AGO, event.key))
        self.read = 0

    async def oldest_owed(self) -> datetime | None:
        return self.events[0].due_at if self.events else None

    async def owed(self, since: datetime, until: datetime, consumer: str, limit: int) -> Sequence[Event]:
        found = [
            event
            for event in self.events
            if event.due_at and since <= event.due_at < until and consumer not in event.acks
        ][:limit]
        self.read += len(found)
        return found


@dataclass
class At:
    """A clock that is set."""

    time: datetime = LONG_AGO + timedelta(days=60)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


def make_sweep(rows: Rows, page: int, clock: At | None = None, progress: Progress | None = None) -> Sweep:
    return Sweep(rows, progress or Progress(), clock or At(), overlap=60, page=page)


def spread(count: int, seconds: float) -> list[Event]:
    return [an_event(f"t:u{n:05}", due_at=LONG_AGO + timedelta(seconds=seconds * n / count)) for n in range(count)]


async def swept(sweep: Sweep, until: datetime, name: str, *, full: bool = False) -> list[str]:
    return [event.key async for page in sweep.pages({name}, until, full=full) for event in page]


async def test_a_sweep_reads_everything_once_whatever_the_spacing() -> None:
    for seconds in (0.0, 1.0, 86_400.0):
        events = spread(500, seconds)
        sweep = make_sweep(Rows(events), 7)
        assert [event.key for event in events] == await swept(sweep, LONG_AGO + timedelta(days=30), "a")


async def test_a_sweep_starts_where_the_last_one_left_nothing_to_want() -> None:
    rows = Rows(spread(100, 3600))
    sweep = make_sweep(rows, 50)
    until = LONG_AGO + timedelta(seconds=3600)
    sweep.served("a", until)

    assert 2 > len(await swept(sweep, until, "a")) >= 1
    assert 100 == len(await swept(sweep, until, "a", full=True))


async def test_a_consumer_that_failed_is_swept_from_where_it_failed_and_the_others_are_not() -> None:
    rows = Rows(spread(100, 3600))
    sweep = make_sweep(rows, 50)
    until = LONG_AGO + timedelta(seconds=3600)
    for name in ("well", "failing"):
        sweep.served(name, LONG_AGO + timedelta(seconds=1800))
    sweep.served("well", until)
    sweep.failed("failing", LONG_AGO + timedelta(seconds=1900))

    assert 2 > len(await swept(sweep, until, "well"))
    assert 50 < len(await swept(sweep, until, "failing"))


async def test_what_failed_behind_the_start_moves_the_start_back() -> None:
    """
    A hint may tell of an event that became visible late; if its consumer fails then, a sweep must find it.
    """
    sweep = make_sweep(Rows(spread(100, 3600)), 50)
    until = LONG_AGO + timedelta(seconds=3600)
    sweep.served("a", until)
    sweep.failed("a", LONG_AGO)

    assert 100 == len(await swept(sweep, until, "a"))


async def test_progress_outlives_a_connection() -> None:
    progress = Progress()
    make_sweep(Rows([]), 50, progress=progress).served("a", LONG_AGO)
    assert make_sweep(Rows([]), 50, progress=progress).knows("a")


async def test_what_comes_while_a_page_is_served_is_not_overtaken_by_what_comes_after_it() -> None:
    """
    Serving takes its time: by the next range, more has come that belongs before it, and the page goes on from there.
    """
    now = LONG_AGO + timedelta(days=1)
    for page in (3, 100):
        arrives = [an_event(f"t:u{n:05}", due_at=now + timedelta(seconds=n)) for n in range(200)]
        rows, clock = Rows(arrives[:4]), At(now + timedelta(seconds=4))
        sweep = make_sweep(rows, page, clock)
        sweep.served("a", now + timedelta(seconds=60))
        seen: list[Event] = []
        async for events in sweep.pages({"a"}, now + timedelta(seconds=150), full=False):
            seen += events
            # A slow page, and what comes is dated by a clock that is behind.
            clock.time += timedelta(seconds=130)
            rows.events = [event for event in arrives if event.due_at and event.due_at < clock.time - CLOCK_ERROR / 2]
        assert arrives[:150] == seen


async def test_what_several_consumers_lack_comes_in_one_order_each_event_once() -> None:
    """
    One lacks much of the beginning and another something of all: neither's part runs ahead of the other's.
    """
    events = spread(300, 100)
    acked = [
        replace(event, acks={"a": Ack(LONG_AGO, 1)} if n > 90 or n % 3 == 0 else {"b": Ack(LONG_AGO, 1)})
        for n, event in enumerate(events)
    ]
    for page in (7, 1000):
        sweep = make_sweep(Rows(acked), page)
        pages = [found async for found in sweep.pages({"a", "b"}, LONG_AGO + timedelta(days=1), full=False)]
        assert acked == [event for found in pages for event in found]


async def test_several_consumers_are_swept_as_one_from_where_the_first_of_them_lacks_something() -> None:
    rows = Rows(spread(100, 3600))
    sweep = make_sweep(rows, 50)
    sweep.served("well", LONG_AGO + timedelta(seconds=3600))
    sweep.served("late", LONG_AGO + timedelta(seconds=1860))
    keys = [event.key async for page in sweep.pages({"well", "late"}, At().now(), full=False) for event in page]
    assert [event.key for event in rows.events[50:]] == keys

    sweep = make_sweep(rows, 50, progress=sweep.progress)
    keys = [event.key async for page in sweep.pages({"well", "new"}, At().now(), full=False) for event in page]
    assert [event.key for event in rows.events] == keys
