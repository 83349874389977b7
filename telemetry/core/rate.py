"""How many events a source may send: so many at once, and as many again in each stretch of time."""

import re
from dataclasses import dataclass
from math import ceil

_RATE = re.compile(r"([1-9][0-9]{0,8})/(s|min|h)")
_SECONDS = {"s": 1, "min": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many events in a second, a minute or an hour."""

    events: int
    unit: str

    @classmethod
    def parse(cls, spelling: str) -> "Rate":
        """Read a rate as in 600/min; raise ValueError for any other text."""
        match = _RATE.fullmatch(spelling)
        if match is None:
            raise ValueError(f"expected a number a second, minute or hour, as in 600/min, not {spelling!r}")
        return cls(int(match[1]), match[2])

    @property
    def a_second(self) -> float:
        """How many come back in a second."""
        return self.events / _SECONDS[self.unit]

    def __str__(self) -> str:
        """Spell it as it is read."""
        return f"{self.events}/{self.unit}"


class Allowance:
    """What is left of a rate; times are monotonic seconds."""

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._left = float(rate.events)
        self._known_at = now

    def ask(self, number: int, now: float) -> int:
        """Let so many through and answer 0; or let none through and answer after how many seconds they may come."""
        self._left = min(self._rate.events, self._left + (now - self._known_at) * self._rate.a_second)
        self._known_at = now
        # More than can ever be saved up pass when all is saved up; what follows waits for the rest of them.
        short = min(number, self._rate.events) - self._left
        if short > 0:
            return ceil(short / self._rate.a_second)
        self._left -= number
        return 0

    def give_back(self, number: int) -> None:
        """Take back so many that were let through and came to nothing."""
        self._left = min(self._rate.events, self._left + number)
