"""Schedules as they stand, and what comes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Literal, TypeAlias

from telemetry.core.schedule import Schedule
from telemetry.core.timing import spell_timing

State: TypeAlias = Literal["on", "paused", "ended"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A schedule and how it stands."""

    name: str
    timing: str
    zone: str
    event: str
    distinct_id: str
    properties: Mapping[str, Any]
    missed: str
    source: str
    state: State
    next: datetime | None
    left_out: int  # times that something was, lately


@dataclass(frozen=True, slots=True)
class Coming:
    """When a schedule comes."""

    name: str
    zone: str
    at: datetime


def list_schedules(known: Mapping[str, Schedule]) -> list[Listed]:
    """List the schedules that are there."""
    return [_listed(one) for one in present(known).values()]


def present(known: Mapping[str, Schedule]) -> dict[str, Schedule]:
    """Leave out those that were removed."""
    return {name: one for name, one in known.items() if not one.removed}


def state_of(known: Schedule) -> State:
    """Say in a word how a schedule stands."""
    if known.upcoming is None:
        return "ended"
    return "paused" if known.paused else "on"


def coming(known: Sequence[Schedule], now: datetime, number: int) -> list[Coming]:
    """List what comes next after now, by time; of paused schedules nothing does."""
    found = [
        Coming(one.name, one.entry.zone, at)
        for one in known
        if not one.paused
        for at in islice(one.entry.timing.after(max(now, one.cursor)), number)
    ]
    return sorted(found, key=lambda each: (each.at, each.name))[:number]


def _listed(known: Schedule) -> Listed:
    entry, state = known.entry, state_of(known)
    return Listed(
        name=known.name,
        timing=spell_timing(entry.timing),
        zone=entry.zone,
        event=entry.event,
        distinct_id=entry.distinct_id,
        properties=entry.properties,
        missed=entry.missed.value,
        source=known.source,
        state=state,
        next=known.upcoming if state == "on" else None,
        left_out=len(known.left_out),
    )
