from collections.abc import Sequence
from datetime import datetime, timedelta

from telemetry.core.event import Event
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


def spread(count: int, seconds: float) -> list[Event]:
    return [an_event(f"t:u{n:05}", due_at=LONG_AGO + timedelta(seconds=seconds * n / count)) for n in range(count)]


async def swept(sweep: Sweep, until: datetime, name: str, *, full: bool = False) -> list[str]:
    return [event.key async for page in sweep.pages(name, until, full=full) for event in page]


async def test_a_sweep_reads_everything_once_whatever_the_spacing() -> None:
    for seconds in (0.0, 1.0, 86_400.0):
        events = spread(500, seconds)
        sweep = Sweep(Rows(events), Progress(), overlap=60, page=7)
        assert [event.key for event in events] == await swept(sweep, LONG_AGO + timedelta(days=30), "a")


async def test_a_sweep_starts_where_the_last_one_left_nothing_to_want() -> None:
    rows = Rows(spread(100, 3600))
    sweep = Sweep(rows, Progress(), overlap=60, page=50)
    until = LONG_AGO + timedelta(seconds=3600)
    sweep.served("a", until)

    assert 2 > len(await swept(sweep, until, "a")) >= 1
    assert 100 == len(await swept(sweep, until, "a", full=True))


async def test_a_consumer_that_failed_is_swept_from_where_it_failed_and_the_others_are_not() -> None:
    rows = Rows(spread(100, 3600))
    sweep = Sweep(rows, Progress(), overlap=60, page=50)
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
    sweep = Sweep(Rows(spread(100, 3600)), Progress(), overlap=60, page=50)
    until = LONG_AGO + timedelta(seconds=3600)
    sweep.served("a", until)
    sweep.failed("a", LONG_AGO)

    assert 100 == len(await swept(sweep, until, "a"))


async def test_progress_outlives_a_connection() -> None:
    progress = Progress()
    Sweep(Rows([]), progress, 60, 50).served("a", LONG_AGO)
    assert Sweep(Rows([]), progress, 60, 50).knows("a")
