"""Which occurrences of a schedule are told now, and which are left out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice, takewhile

from telemetry.core.timing import Timing

# So late an occurrence is still on time: a start, a failover or a long round is no reason to leave one out.
GRACE = timedelta(seconds=60)
MOST_AT_ONCE = 100
# Beyond this they are not counted: a month of seconds is no reason to hold everything up.
MOST_COUNTED = 1000
MOMENT = timedelta(microseconds=1)


class Missed(StrEnum):
    """What becomes of occurrences that nobody was there for."""

    ALL = "all"  # each is told, late
    LATEST = "latest"  # the last one is told, unless one that is on time is
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Span:
    """Some occurrences in a row: how many, or that they are more than were counted."""

    first: datetime
    last: datetime
    count: int
    more: bool = False

    def __str__(self) -> str:
        """Spell the number."""
        return f"{self.count} and more" if self.more else str(self.count)

    def holds(self, moment: datetime) -> bool:
        """Say whether a moment is within it."""
        return self.first <= moment <= self.last


@dataclass(frozen=True, slots=True)
class Due:
    """What is decided about the occurrences up to a moment."""

    occurrences: Sequence[datetime]  # to be told, in order
    cursor: datetime
    left_out: Span | None = None


def due(timing: Timing, since: datetime, now: datetime, missed: Missed, grace: timedelta = GRACE) -> Due | None:
    """Decide about the occurrences after `since`, a hundred at a time; None while there are none by now."""
    if missed is Missed.ALL:
        told = _between(timing, since, now)
        return Due(told, told[-1]) if told else None
    late = span(timing, since, now - grace)
    told = _between(timing, max(since, now - grace - MOMENT), now)
    if late is None:
        return Due(told, told[-1]) if told else None
    if told or missed is Missed.NONE:
        return Due(told, told[-1] if told else late.last, late)
    return Due([late.last], late.last, span(timing, since, late.last))


def span(timing: Timing, since: datetime, before: datetime) -> Span | None:
    """Count the occurrences between two moments, neither of which is among them."""
    counted = list(islice(takewhile(lambda one: one < before, timing.after(since)), MOST_COUNTED + 1))
    if not counted:
        return None
    if len(counted) <= MOST_COUNTED:
        return Span(counted[0], counted[-1], len(counted))
    return Span(counted[0], timing.latest(before - MOMENT) or counted[-1], MOST_COUNTED, more=True)


def _between(timing: Timing, since: datetime, now: datetime) -> list[datetime]:
    return list(islice(takewhile(lambda one: one <= now, timing.after(since)), MOST_AT_ONCE))
