"""Time comes in by argument."""

from datetime import UTC, datetime, timedelta
from typing import Protocol

# How far apart two processes' measures of database time may be: each errs by half a round trip, or by a busy moment.
CLOCK_ERROR = timedelta(seconds=5)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """What time it is: to the database, whose time is stored and compared, and to this process."""

    def now(self) -> datetime:
        """Return database time, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never jump, for durations within this process."""


def micros(moment: datetime) -> int:
    """Count the microseconds of a moment since 1970, as orders and places do."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def milliseconds(moment: datetime) -> datetime:
    """Cut a moment to the milliseconds that the database keeps."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
