"""The proof that nothing was lost and nothing invented, made while everything runs.

One pass over all events and rows finds suspects. What runs meanwhile makes some: an event is read, and
acked a moment later. So each suspect is read again, the ack before the rows that it promises and the rows
before the event that they need, and reported only when every reading says the same.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import anyio

from telemetry.ops.judgement import Kind, Suspect, Totals, suspects
from telemetry.ops.merge import Case, Join
from telemetry.ops.status import in_flight
from telemetry.store.census import Census, Fact, Holding
from telemetry.store.channels import Channels
from telemetry.store.client import Connection
from telemetry.store.deliveries import queues
from telemetry.store.merge import merged
from telemetry.store.registry import Registered, Registry

SAMPLES = 10
READINGS = 2
PAUSE = 0.25
REREAD_AT_ONCE = 50


@dataclass
class Report:
    """What a verification found: the sums, and each kind of breach with sample keys."""

    totals: Totals = field(default_factory=Totals)
    breaches: Counter[Kind] = field(default_factory=Counter)
    samples: list[Suspect] = field(default_factory=list)
    unread: Counter[Kind] = field(default_factory=Counter)  # more suspects of a kind that is broken anyway
    reread: int = 0

    @property
    def holds(self) -> bool:
        """Whether the law holds."""
        return not self.breaches


class Verification:
    """One pass over everything."""

    def __init__(
        self,
        connection: Connection,
        seen: Callable[[int], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._connection = connection
        self._census = Census(connection)
        self._seen = seen
        self._sleep = sleep
        self._report = Report()
        self._registered: Mapping[str, Registered] = {}
        self._moving: frozenset[str] = frozenset()
        self._doubtful: list[Case] = []

    async def run(self) -> Report:
        """Read everything once, and what is suspicious again."""
        self._registered = await Registry(self._connection).read()
        moving = await in_flight(self._connection, await Channels(self._connection).all())
        self._moving = frozenset(name for ids in moving.values() for name in ids)
        join = Join(self._moving)
        names = await self._queues()
        read = 0
        streams: list[AsyncIterator[Fact | Holding]] = [self._census.facts(), *map(self._census.holdings, names)]
        async for item in merged(streams, key=lambda item: item.id):
            for case in join.take(item):
                await self._judge(case)
            read += isinstance(item, Fact)
            self._seen(read)
        for case in join.rest():
            await self._judge(case)
        await self._reread()
        return self._report

    async def _queues(self) -> list[str]:
        return [queue.consumer for queue in await queues(self._connection)]

    async def _judge(self, case: Case) -> None:
        found = list(suspects(case, self._registered))
        if not found:
            self._report.totals.add(case, self._registered)
            return
        if all(self._report.breaches[suspect.kind] >= SAMPLES for suspect in found):
            # It is proven broken in this way: reading a million more keys again would prove it no better.
            self._report.unread.update(suspect.kind for suspect in found)
            self._report.totals.add(case, self._registered)
            return
        self._doubtful.append(case)
        if len(self._doubtful) >= REREAD_AT_ONCE:
            await self._reread()

    async def _reread(self) -> None:
        """Read the doubtful events again, with a pause between; what stays suspicious is a breach."""
        doubtful, self._doubtful = self._doubtful, []
        if not doubtful:
            return
        self._report.reread += len(doubtful)
        kept = {(one.kind, one.key, one.consumer) for case in doubtful for one in suspects(case, self._registered)}
        for _ in range(READINGS):
            await self._sleep(PAUSE)
            self._registered = await Registry(self._connection).read()
            doubtful = await self._read_again([case.key for case in doubtful])
            found = [one for case in doubtful for one in suspects(case, self._registered)]
            kept &= {(one.kind, one.key, one.consumer) for one in found}
        for case in doubtful:
            self._report.totals.add(case, self._registered)
        for suspect in found:
            if (suspect.kind, suspect.key, suspect.consumer) in kept:
                self._note(suspect)

    async def _read_again(self, keys: Sequence[str]) -> list[Case]:
        before = await self._census.facts_of(keys)
        names = await self._queues()
        rows = [row for name in names for row in await self._census.holdings_of(name, keys)]
        after = await self._census.facts_of(keys)
        cases = {key: Case(key, _standing(before.get(key), after.get(key))) for key in keys}
        for row in rows:
            cases[row.id.partition("|")[0]].add(row, self._moving)
        return list(cases.values())

    def _note(self, suspect: Suspect) -> None:
        self._report.breaches[suspect.kind] += 1
        if self._report.breaches[suspect.kind] <= SAMPLES:
            self._report.samples.append(suspect)


def _standing(before: Fact | None, after: Fact | None) -> Fact | None:
    """Give the event as it was before its rows were read, unless it came or went meanwhile."""
    return after if before is None or after is None or after.forgotten else before


async def breaches(connection: Connection) -> tuple[int, str]:
    """Count what is lost or invented, and say one of it."""
    report = await verify(connection)
    sample = next((f"{one.kind}: {one.key} ({one.consumer}): {one.detail}" for one in report.samples), "")
    return report.breaches.total(), sample


async def verify(connection: Connection, seen: Callable[[int], None] = lambda _: None) -> Report:
    """Prove the conservation law, or show where it is broken."""
    return await Verification(connection, seen).run()
