"""A schedule: an event that comes by itself, again and again or once.

Its occurrence is the key, so whoever finds it due first makes the fact, and all others find it made. The incarnation
is part of that: a schedule that is added anew or given another timing makes other facts, at whatever moment.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from telemetry.core.clock import micros
from telemetry.core.due import Missed, Span
from telemetry.core.event import Event, new_event
from telemetry.core.key import join_key
from telemetry.core.timing import Timing

FILE, DATABASE = "file", "database"  # where a schedule is from
STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_OCCURRENCE = re.compile(rf"[^:|]*:({_NAME.pattern})#([0-9]{{1,9}})@([0-9]{{8}}T[0-9]{{6}}Z)")


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody says about a schedule."""

    timing: Timing
    zone: str  # in which its moments are shown
    event: str
    distinct_id: str
    properties: Mapping[str, Any]
    missed: Missed = Missed.LATEST


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Occurrences of an incarnation that are not told, and why: a policy, a pause, or another timing."""

    incarnation: int
    why: str
    span: Span


@dataclass(frozen=True, slots=True)
class Firing:
    """Occurrences that are told, whatever becomes of the schedule, with what it said when that was decided."""

    incarnation: int
    event: str
    distinct_id: str
    properties: Mapping[str, Any]
    occurrences: Sequence[datetime]
    left_out: LeftOut | None  # right before the first of them


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as it stands; what is left of a removed one counts on should it be added again."""

    name: str
    entry: Entry
    source: str
    incarnation: int
    revision: int
    cursor: datetime  # up to there it is decided which occurrences are told
    paused: bool = False
    firings: Sequence[Firing] = ()  # decided, and perhaps not stored as events yet
    left_out: Sequence[LeftOut] = ()  # lately
    removed: bool = False

    @property
    def upcoming(self) -> datetime | None:
        """The occurrence that is decided about next, were it not paused; None where it has ended."""
        return next(self.entry.timing.after(self.cursor), None)


def check_schedule_name(name: str) -> str:
    """Return a schedule's name; raise ValueError where it could not be part of a key."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"expected a name of up to 64 letters, digits, '_', '.' or '-', not {name[:80]!r}")
    return name


def occurrence_key(event: str, schedule: str, incarnation: int, occurrence: datetime) -> str:
    """Make the key of an occurrence."""
    return join_key(event, [f"{schedule}#{incarnation}@{occurrence.astimezone(UTC).strftime(STAMP)}"])


def read_occurrence(key: str) -> tuple[str, int, datetime] | None:
    """Read schedule, incarnation and moment from a key; None where it is not that of an occurrence."""
    match = _OCCURRENCE.fullmatch(key)
    if match is None:
        return None
    try:
        return match[1], int(match[2]), datetime.strptime(match[3], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def events_of(schedule: str, firing: Firing, now: datetime) -> list[Event]:
    """Make the events of a firing: the same ones, but for when they were received, whoever makes them."""
    return [
        _event(schedule, firing, occurrence, now, None if number else firing.left_out)
        for number, occurrence in enumerate(firing.occurrences)
    ]


def _event(schedule: str, firing: Firing, occurrence: datetime, now: datetime, before: LeftOut | None) -> Event:
    key = occurrence_key(firing.event, schedule, firing.incarnation, occurrence)
    receipt = sha256(key.encode()).hexdigest()[:32]
    origin: dict[str, Any] = {"schedule": schedule, "occurrence": occurrence}
    if before is not None:
        span = before.span
        origin["left_out"] = {
            "why": before.why, "first": span.first, "last": span.last, "count": span.count, "more": span.more
        }  # fmt: skip
    return new_event(
        key=key,
        type=firing.event,
        distinct_id=firing.distinct_id,
        properties=firing.properties,
        source=f"schedule:{schedule}",
        receipt=receipt,
        # Several schedules may come at one moment; their events have places of their own.
        order=micros(occurrence) + int(receipt[:4], 16) % 1000,
        received=now,
        time=occurrence,
        origin=origin,
    )
