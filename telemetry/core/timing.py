"""When a schedule has its occurrences: by cron, at a fixed interval, or once."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from telemetry.core.cron import Cron

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


@dataclass(frozen=True, slots=True)
class Every:
    """Every so many seconds, counted from an anchor, which is none of them; no clock on a wall is asked."""

    seconds: int
    anchor: datetime

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Give the occurrences after a moment, in order."""
        number = max((moment - self.anchor) // timedelta(seconds=self.seconds), 0)
        with suppress(OverflowError):
            while True:
                number += 1
                yield self.anchor + number * timedelta(seconds=self.seconds)

    def latest(self, moment: datetime) -> datetime | None:
        """Find the last occurrence at or before a moment."""
        number = (moment - self.anchor) // timedelta(seconds=self.seconds)
        return self.anchor + number * timedelta(seconds=self.seconds) if number > 0 else None


@dataclass(frozen=True, slots=True)
class Once:
    """One moment."""

    moment: datetime

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Give it, if it is after a moment."""
        if self.moment > moment:
            yield self.moment

    def latest(self, moment: datetime) -> datetime | None:
        """Give it, if it is at or before a moment."""
        return self.moment if self.moment <= moment else None


Timing = Cron | Every | Once


def alike(one: Timing, other: Timing) -> bool:
    """Say whether two timings say the same; where an interval is counted from is not said, but when it is added."""
    if isinstance(one, Every) and isinstance(other, Every):
        return one.seconds == other.seconds
    return one == other


def is_occurrence(timing: Timing, moment: datetime) -> bool:
    """Say whether a moment is an occurrence."""
    return timing.latest(moment) == moment


def spell_timing(timing: Timing) -> str:
    """Spell a timing for a person."""
    match timing:
        case Cron():
            return timing.expression
        case Every():
            return f"every {spell_span(timing.seconds)}"
        case Once():
            return f"at {timing.moment:%Y-%m-%d %H:%M:%S} UTC"


def spell_span(seconds: int) -> str:
    """Spell a number of seconds in its largest whole unit, as in 36h."""
    unit = next(unit for unit, size in UNITS.items() if seconds % size == 0)
    return f"{seconds // UNITS[unit]}{unit}"
