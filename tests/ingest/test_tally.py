"""What came again is counted, and that costs next to nothing."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
import pytest

from telemetry.core.errors import TellonceError, UnavailableError
from telemetry.core.event import Repeats
from telemetry.ingest.accept import Result
from telemetry.ingest.tally import MOST_AT_ONCE, Tally
from telemetry.store.client import Connection
from telemetry.store.events import Events
from telemetry.store.repeats import RepeatCounts
from tests.facts import LONG_AGO, an_event
from tests.until import until

DUPLICATE, CONFLICT = Result("duplicate", "t:1"), Result("conflict", "t:1", differs=("properties.plan",))


class Recorded:
    """Counts that are kept here, once the answers that are not wanted have been given."""

    def __init__(self, *errors: TellonceError) -> None:
        self.errors = list(errors)
        self.tokens: list[str] = []
        self.added: list[dict[str, Repeats]] = []
        self.asked = anyio.Event()

    async def add(self, repeats: Mapping[str, Repeats], token: str) -> None:
        """Keep counts, or fail."""
        self.tokens.append(token)
        self.asked.set()
        if self.errors:
            raise self.errors.pop(0)
        self.added.append(dict(repeats))

    async def both(self) -> bool:
        """Say whether two rounds have been kept."""
        return len(self.added) == 2


@asynccontextmanager
async def tallying(counts: Recorded, connection: Connection, *, most: int = 1000) -> AsyncIterator[Tally]:
    """Run a tally whose tokens are numbers."""
    numbers = iter(range(1000))
    tally = Tally(counts, connection.clock, lambda: str(next(numbers)), every=0.01, most=most)
    async with anyio.create_task_group() as group:
        group.start_soon(tally.run)
        yield tally
        group.cancel_scope.cancel()


async def test_the_same_counts_written_again_add_nothing(connection: Connection) -> None:
    await Events(connection).insert([an_event("t:1"), an_event("t:2")])
    counts, once = RepeatCounts(connection), {"t:1": Repeats({"duplicate": 2}, LONG_AGO)}
    await counts.add(once, "first")
    await counts.add(once | {"t:2": Repeats({"conflict": 1}, LONG_AGO, ("distinct_id",))}, "first")
    await counts.add(once | {"t:forgotten": Repeats({"duplicate": 1}, LONG_AGO)}, "second")
    found = {event.key: event.repeats for event in await Events(connection).fetch(["t:1", "t:2", "t:forgotten"])}
    assert found == {
        "t:1": Repeats({"duplicate": 4}, LONG_AGO),
        "t:2": Repeats({"conflict": 1}, LONG_AGO, ("distinct_id",)),
    }


async def test_what_was_not_answered_is_added_again_under_the_same_token(connection: Connection) -> None:
    counts = Recorded(UnavailableError("away"), UnavailableError("away"))
    async with tallying(counts, connection) as tally:
        tally.note(DUPLICATE)
        await counts.asked.wait()
        tally.note(CONFLICT)
        await until(counts.both, every=0.01)
    assert counts.tokens == ["0", "0", "0", "1"]
    assert [one["t:1"].counts for one in counts.added] == [{"duplicate": 1}, {"conflict": 1}]


async def test_a_refusal_for_good_costs_the_counts_and_nothing_else(
    connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = Recorded(TellonceError("the database refused"))
    async with tallying(counts, connection) as tally:
        tally.note(DUPLICATE)
        await counts.asked.wait()
        tally.note(CONFLICT)
    assert [{"conflict": 1}] == [one["t:1"].counts for one in counts.added]
    said = capsys.readouterr()
    assert "repeats.uncounted" in said.out + said.err


async def test_however_many_come_again_what_is_kept_and_what_a_round_writes_is_bounded(
    connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = Recorded()
    async with tallying(counts, connection, most=500) as tally:
        for number in range(700):
            tally.note(Result("duplicate", f"t:{number}"))
    assert [MOST_AT_ONCE, MOST_AT_ONCE, 100] == [len(one) for one in counts.added]
    said = capsys.readouterr()
    assert "500 keys came again at once" in said.out + said.err
