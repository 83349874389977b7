"""Schedules as MongoDB holds them, and the values we make of them."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from telemetry.core.cron import Cron, check_cron
from telemetry.core.due import Missed, Span
from telemetry.core.schedule import Entry, Firing, LeftOut, Schedule
from telemetry.core.timing import Every, Once, Timing
from telemetry.store.commands import Row
from telemetry.store.documents import restored, stored


def entry_row(entry: Entry) -> Row:
    """Spell what is said about a schedule."""
    return {
        "timing": _timing_row(entry.timing),
        "zone": entry.zone,
        "event": entry.event,
        "distinct_id": entry.distinct_id,
        "properties": stored(entry.properties),
        "missed": entry.missed.value,
    }


def left_out_row(left_out: LeftOut) -> Row:
    """Spell what was left out."""
    span = left_out.span
    row = {"incarnation": left_out.incarnation, "why": left_out.why}
    return row | {"first": span.first, "last": span.last, "count": span.count, "more": span.more}


def firing_row(firing: Firing) -> Row:
    """Spell a firing; with its incarnation, `until` tells it from every other."""
    row = {
        "incarnation": firing.incarnation,
        "until": firing.occurrences[-1],
        "event": firing.event,
        "distinct_id": firing.distinct_id,
        "properties": stored(firing.properties),
        "occurrences": list(firing.occurrences),
    }
    return row | ({"left_out": left_out_row(firing.left_out)} if firing.left_out else {})


def schedule_from(row: Mapping[str, Any]) -> Schedule:
    """Read a schedule from its row; raise ValueError, KeyError or TypeError where that is not what it holds."""
    return Schedule(
        name=row["_id"],
        entry=Entry(
            timing=_timing(row["timing"], row["zone"]),
            zone=_zone(row["zone"]),
            event=row["event"],
            distinct_id=row["distinct_id"],
            properties=restored(row["properties"]),
            missed=Missed(row["missed"]),
        ),
        source=row["source"],
        incarnation=row["incarnation"],
        revision=row["revision"],
        cursor=row["cursor"],
        paused=row.get("paused", False),
        firings=[_firing(one) for one in row.get("due", [])],
        left_out=[_left_out(one) for one in row.get("left_out", [])],
        removed="removed_at" in row,
    )


def _timing_row(timing: Timing) -> Row:
    match timing:
        case Cron():
            return {"cron": timing.expression}
        case Every():
            return {"every": timing.seconds, "anchor": timing.anchor}
        case Once():
            return {"at": timing.moment}


def _timing(row: Mapping[str, Any], zone: str) -> Timing:
    if "cron" in row:
        return Cron(check_cron(row["cron"]), zone)
    return Every(row["every"], row["anchor"]) if "every" in row else Once(row["at"])


def _zone(name: str) -> str:
    # It was known where the row was written, perhaps on a machine with newer zones than this one's.
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"no such time zone on this machine: {name}") from error
    return name


def _firing(row: Mapping[str, Any]) -> Firing:
    return Firing(
        incarnation=row["incarnation"],
        event=row["event"],
        distinct_id=row["distinct_id"],
        properties=restored(row["properties"]),
        occurrences=row["occurrences"],
        left_out=_left_out(row["left_out"]) if "left_out" in row else None,
    )


def _left_out(row: Mapping[str, Any]) -> LeftOut:
    return LeftOut(row["incarnation"], row["why"], Span(row["first"], row["last"], row["count"], row["more"]))
