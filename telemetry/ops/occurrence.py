"""What a schedule has to do with a key: how it came to be told, or why it never was."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from telemetry.core.event import Event
from telemetry.core.schedule import LeftOut, Schedule, read_occurrence
from telemetry.core.timing import is_occurrence, spell_timing
from telemetry.store.client import Connection
from telemetry.store.schedules import UNREADABLE, Schedules

SHOWN = "%Y-%m-%d %H:%M:%S"
WHY = {
    "latest": "missed, and only the latest is told (missed = latest)",
    "none": "missed, and missed ones are not told (missed = none)",
    "paused": "the schedule was paused",
    "edited": "the schedule was given another timing",
}


def told_by(event: Event) -> list[str]:
    """Say which schedule made an event, how late, and what was left out before it; nothing of any other event."""
    origin = event.origin or {}
    if "schedule" not in origin:
        return []
    late = (event.received_at - origin["occurrence"]).total_seconds()
    meant = f"{origin['occurrence']:{SHOWN}} UTC"
    lines = [f"schedule {origin['schedule']} meant it for {meant}, and told it {late:.1f} s later"]
    if "left_out" in origin:
        lines.append(_before(origin["left_out"]))
    return lines


def _before(left: Mapping[str, Any]) -> str:
    number = f"{left['count']} and more" if left["more"] else str(left["count"])
    span = f"from {left['first']:{SHOWN}} to {left['last']:{SHOWN}} UTC"
    return f"left out right before it: {number}, {span}: {WHY.get(left['why'], left['why'])}"


async def untold(connection: Connection, key: str) -> tuple[datetime, str] | None:
    """Say why there is no event of an occurrence's key, and when it was meant for; None when nothing is known."""
    asked = read_occurrence(key)
    if asked is None:
        return None
    name, incarnation, occurrence = asked
    try:
        known = await Schedules(connection).get(name)
    except UNREADABLE:
        return None
    now = connection.clock.now()
    why = _why_untold(known, incarnation, occurrence, now) if known else None
    return (occurrence, why) if why else None


def _why_untold(known: Schedule, incarnation: int, occurrence: datetime, now: datetime) -> str | None:
    for left in known.left_out:
        if left.incarnation == incarnation and left.span.holds(occurrence):
            return _left_out(known, left)
    here = incarnation == known.incarnation and is_occurrence(known.entry.timing, occurrence)
    if not here or known.removed or occurrence <= known.cursor:
        return None
    said = f"schedule {known.name} ({spell_timing(known.entry.timing)})"
    if known.paused:
        return f"{said} leaves it out while it is paused"
    if occurrence > now:
        return f"{said} tells it then"
    return f"{said} has yet to decide about it, as a watcher does within seconds (missed = {known.entry.missed})"


def _left_out(known: Schedule, left: LeftOut) -> str:
    span = f"from {left.span.first:{SHOWN}} to {left.span.last:{SHOWN}} UTC"
    return f"schedule {known.name} left it out, one of {left.span} {span}: {WHY.get(left.why, left.why)}"
