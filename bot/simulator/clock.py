"""The simulated Discord's time, which a test may wind forward."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]


class DiscordTime:
    """Epoch seconds from a clock, plus what has been added by hand."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead = 0.0

    def now(self) -> float:
        """Return the time in epoch seconds."""
        return self._clock() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let time jump forward, for everything that asks."""
        self._ahead += seconds


def iso(epoch: float) -> str:
    """Write a time the way Discord does."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="microseconds")
