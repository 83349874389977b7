"""Finding what is owed by the index alone: the truth behind the stream's hints.

A sweep starts near the oldest event that an available consumer lacks, so that what is owed only to an absent or
failing one is neither re-read every round nor in the others' way. Now and then a full pass starts at the very
beginning, for rows that became visible late.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from telemetry.core.clock import CLOCK_ERROR, Clock
from telemetry.core.event import Event

# An ordinary sweep, with its overlap and what it looks ahead, is one range.
FIRST_WINDOW = timedelta(seconds=120)
SMALLEST_WINDOW = timedelta(milliseconds=50)


class OwedRows(Protocol):
    """The owed index."""

    async def oldest_owed(self) -> datetime | None:
        """Find where the index begins."""

    async def owed(self, since: datetime, until: datetime, consumer: str, limit: int) -> Sequence[Event]:
        """Read the first events due in [since, until) that a consumer has not acked, by due time."""


@dataclass
class Progress:
    """Where each consumer's owed events begin, as far as this process knows; it outlives a connection."""

    starts: dict[str, datetime] = field(default_factory=dict)
    next_full: float = 0.0  # monotonic


class Sweep:
    """Reads the owed index from where it must."""

    def __init__(self, rows: OwedRows, progress: Progress, clock: Clock, overlap: float, page: int) -> None:
        self._rows = rows
        self._clock = clock
        self.progress = progress
        self._starts = progress.starts
        self._overlap = timedelta(seconds=overlap)
        self._page = page

    def knows(self, name: str) -> bool:
        """Say whether a sweep for a consumer can start elsewhere than at the beginning."""
        return name in self._starts

    async def pages(self, names: Collection[str], until: datetime, *, full: bool) -> AsyncIterator[Sequence[Event]]:
        """Read, page by page, what some consumers lack and is due before `until`.

        By due time, also where more comes meanwhile: no page has anything that came after something earlier which
        no page has had.
        """
        known = not full and all(self.knows(name) for name in names)
        since = min(self._starts[name] for name in names) if known else await self._rows.oldest_owed()
        if since is None:
            return
        async for page in self._read(since, until, names):
            yield page

    def served(self, name: str, until: datetime) -> None:
        """Note that a sweep up to `until` left a consumer nothing to want; what comes late is overlapped."""
        self._starts[name] = until - self._overlap

    def failed(self, name: str, since: datetime) -> None:
        """Note that a consumer could not be served from some moment on."""
        self._starts[name] = min(since, self._starts.get(name, since))

    async def _read(self, since: datetime, until: datetime, names: Collection[str]) -> AsyncIterator[Sequence[Event]]:
        # Narrow ranges: a server may collect the whole match before it cuts it to a page.
        width = FIRST_WINDOW
        read: set[str] = set()  # what was read of those due at `since` or later
        while True:
            end, asked = min(since + width, until), self._clock.now()
            found, reached = await self._owed(since, end, names, self._page + len(read))
            if page := [event for event in found if event.key not in read]:
                yield page
            if reached == until:
                return
            width = width * 4 if reached == end else max(width / 4, SMALLEST_WINDOW)
            # What came since this range was asked for may be dated as early as that: it goes before what follows.
            since = min(reached, asked - CLOCK_ERROR)
            read = {event.key for event in found if event.due_at and event.due_at >= since}

    async def _owed(
        self, since: datetime, until: datetime, names: Collection[str], limit: int
    ) -> tuple[list[Event], datetime]:
        """Read what any of some consumers lacks, and say how far: to the end, or where a limit cut a reading short."""
        # One reading each: no server finds in an index what one of several lacks.
        readings = [await self._rows.owed(since, until, name, limit) for name in sorted(names)]
        cuts = [reading[-1].due_at or since for reading in readings if len(reading) == limit]
        reached = min(cuts, default=until)
        found = {event.key: event for reading in readings for event in reading if (event.due_at or since) <= reached}
        return sorted(found.values(), key=lambda event: event.due_at or since), reached
