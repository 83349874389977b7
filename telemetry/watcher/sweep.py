"""Finding what is owed by the index alone: the truth behind the stream's hints.

Each available consumer's sweep starts near the oldest event that it lacks, so that what is owed only to an
absent or failing consumer is neither re-read every round nor in the others' way. Now and then a full pass
starts at the very beginning, for rows that became visible late.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from telemetry.core.event import Event

FIRST_WINDOW = timedelta(seconds=60)
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

    def __init__(self, rows: OwedRows, progress: Progress, overlap: float, page: int) -> None:
        self._rows = rows
        self.progress = progress
        self._starts = progress.starts
        self._overlap = timedelta(seconds=overlap)
        self._page = page

    def knows(self, name: str) -> bool:
        """Say whether a sweep for a consumer can start elsewhere than at the beginning."""
        return name in self._starts

    async def pages(self, name: str, until: datetime, *, full: bool) -> AsyncIterator[Sequence[Event]]:
        """Read, page by page, what a consumer lacks and is due before `until`."""
        since = None if full else self._starts.get(name)
        since = since or await self._rows.oldest_owed()
        if since is None:
            return
        async for page in self._read(since, until, name):
            yield page

    def served(self, name: str, until: datetime) -> None:
        """Note that a sweep up to `until` left a consumer nothing to want; what comes late is overlapped."""
        self._starts[name] = until - self._overlap

    def failed(self, name: str, since: datetime) -> None:
        """Note that a consumer could not be served from some moment on."""
        self._starts[name] = min(since, self._starts.get(name, since))

    async def _read(self, since: datetime, until: datetime, name: str) -> AsyncIterator[Sequence[Event]]:
        # Narrow ranges: a server may collect the whole match before it cuts it to a page.
        width = FIRST_WINDOW
        read: set[str] = set()  # what was read of those due at `since` itself
        while since < until:
            end = min(since + width, until)
            found = await self._rows.owed(since, end, name, self._page + len(read))
            page = [event for event in found if event.key not in read]
            if page:
                yield page
            if len(found) < self._page + len(read):
                since, width, read = end, width * 4, set()
                continue
            last = found[-1].due_at or since
            read = {event.key for event in found if event.due_at == last}
            since, width = last, max(width / 4, SMALLEST_WINDOW)
