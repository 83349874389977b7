"""Where a daemon can be struck: every message it sends, before it arrives and after it was answered."""

import asyncio
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, Protocol


class Side(StrEnum):
    """Which side of the other party's doing."""

    BEFORE = "before"  # the request has not reached the other party
    AFTER = "after"  # it has, and the answer has not come back


class Place(NamedTuple):
    """One instruction's edge: the n-th exchange of a kind, and the side of it."""

    exchange: str
    ordinal: int
    side: Side

    def __str__(self) -> str:
        """Spell it as reports do."""
        return f"{self.side} {self.exchange} #{self.ordinal}"


class Passage(Protocol):
    """What stands between a daemon and the others: it is asked about each message on both sides of each exchange."""

    def enter(self, exchange: str) -> int:
        """Number an exchange among those of its kind; "" is talk that nobody counts."""

    async def cross(self, exchange: str, ordinal: int, side: Side) -> None:
        """Let a message pass, now or later; raise ConnectionError to cut its connection instead."""


class Crossings:
    """Counts what a daemon exchanges; at one place, strikes, and holds what was about to pass."""

    def __init__(self, place: Place | None = None, strike: Callable[[], None] = lambda: None) -> None:
        self.seen: list[Place] = []
        self.struck = asyncio.Event()
        self._place = place
        self._strike = strike
        self._counts: Counter[str] = Counter()
        self._released = asyncio.Event()

    def enter(self, exchange: str) -> int:
        """Number an exchange among those of its kind."""
        self._counts[exchange] += 1
        return self._counts[exchange]

    async def cross(self, exchange: str, ordinal: int, side: Side) -> None:
        """Let a message pass this place, unless this is where to strike: then it waits for its release."""
        place = Place(exchange, ordinal, side)
        if exchange:
            self.seen.append(place)
        if place == self._place and not self.struck.is_set():
            self.struck.set()
            self._strike()
        if self.struck.is_set():
            # Whatever else is on its way comes no further than this one.
            await self._released.wait()

    def release(self) -> None:
        """Let go of what is held."""
        self._released.set()
