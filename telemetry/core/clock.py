"""Time comes in by argument."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """What time it is: to the database, whose time is stored and compared, and to this process."""

    def now(self) -> datetime:
        """Return database time, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never jump, for durations within this process."""
