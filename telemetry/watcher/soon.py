"""Events that are due within moments: told of at their time, without being looked for."""

import heapq
from collections.abc import Sequence
from datetime import datetime
from math import inf

from telemetry.core.event import Event

# What does not fit is found again by the next sweep.
MOST = 5000


class Soon:
    """Keys by when they are due."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._heap: list[tuple[datetime, str]] = []
        self._due: dict[str, datetime] = {}

    def note(self, events: Sequence[Event], until: datetime) -> None:
        """Keep events that are due before a moment; of each the latest word counts."""
        for event in events:
            at = event.due_at
            if at is None or at > until or self._due.get(event.key) == at or len(self._heap) >= self._most:
                continue
            self._due[event.key] = at
            heapq.heappush(self._heap, (at, event.key))

    def pause(self, now: datetime) -> float:
        """Say in how many seconds the next one is due; infinity where there is none."""
        return max((self._heap[0][0] - now).total_seconds(), 0.0) if self._heap else inf

    def take(self, now: datetime, most: int) -> list[str]:
        """Take the first keys that are due by now."""
        taken: list[str] = []
        while len(taken) < most and self._heap and self._heap[0][0] <= now:
            at, key = heapq.heappop(self._heap)
            # An earlier or later word of the same event has an entry of its own.
            if self._due.get(key) == at:
                del self._due[key]
                taken.append(key)
        return taken
