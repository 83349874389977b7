"""Time comes in by argument."""

from datetime import datetime, timedelta
from typing import Protocol

# How far apart two processes' measures of database time may be: each errs by half a round trip, or by a busy moment.
CLOCK_ERROR = timedelta(seconds=5)


class Clock(Protocol):
    """What time it is: to the database, whose time is stored and compared, and to this process."""

    def now(self) -> datetime:
        """Return database time, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never jump, for durations within this process."""
