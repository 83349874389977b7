"""The schedules, for all processes at once: who may change one, and which of its occurrences are told.

Every change is one update of one row, guarded on the revision that it was made for; deciding about occurrences is one
too. So an occurrence was decided before an edit, a pause or a removal, or it never is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from telemetry.core.clock import milliseconds
from telemetry.core.due import Due, span
from telemetry.core.schedule import Entry, Firing, LeftOut, Schedule
from telemetry.core.timing import alike
from telemetry.store.client import Connection
from telemetry.store.commands import Row, insert_new, patiently, read
from telemetry.store.schedule_rows import entry_row, firing_row, left_out_row, schedule_from

COLLECTION = "schedules"
REMEMBERED = 20  # times that something was left out
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True)
class Found:
    """All schedules by name, removed ones too, and why some rows cannot be read."""

    schedules: Mapping[str, Schedule]
    unreadable: Mapping[str, str]


class Schedules:
    """The `schedules` collection."""

    def __init__(self, connection: Connection) -> None:
        self._clock = connection.clock
        self._rows = connection[COLLECTION]

    async def all(self) -> Found:
        """Read every row; one that cannot be read takes none of the others with it."""
        schedules, unreadable = {}, {}
        for row in await read(self._rows, {}, sort=(("_id", 1),)):
            try:
                schedules[row["_id"]] = schedule_from(row)
            except UNREADABLE as error:
                unreadable[str(row["_id"])] = repr(error)
        return Found(schedules, unreadable)

    async def get(self, name: str) -> Schedule | None:
        """Read one that is there, or what is left of one that was removed."""
        rows = await read(self._rows, {"_id": name})
        return schedule_from(rows[0]) if rows else None

    async def add(self, name: str, entry: Entry, source: str, former: Schedule | None) -> bool:
        """Add a schedule, in the place of a removed one where there is that; no, where one is there by now."""
        now = milliseconds(self._clock.now())
        fresh = entry_row(entry) | {"source": source, "paused": False}
        if former is not None:
            return await self._change(former, fresh | _later(former, now), unset=["removed_at"])
        row: Row = fresh | {"_id": name, "incarnation": 1, "revision": 1, "cursor": now}
        return not await insert_new(self._rows, [row]) or await self._holds(name, row)

    async def edit(self, known: Schedule, entry: Entry, source: str) -> bool:
        """Give a schedule another body, or another timing: then it makes other facts, from now on."""
        if alike(known.entry.timing, entry.timing):
            return await self._change(known, entry_row(replace(entry, timing=known.entry.timing)) | {"source": source})
        now = milliseconds(self._clock.now())
        fresh = entry_row(entry) | {"source": source} | _later(known, now)
        return await self._change(known, fresh, _passed(known, now, "edited"))

    async def pause(self, known: Schedule) -> bool:
        """Tell nothing more, until it is resumed."""
        return await self._change(known, {"paused": True})

    async def resume(self, known: Schedule) -> bool:
        """Go on from now; what would have come meanwhile is left out."""
        now = milliseconds(self._clock.now())
        fresh = {"paused": False, "cursor": max(now, known.cursor)}
        return await self._change(known, fresh, _passed(known, now, "paused"))

    async def remove(self, known: Schedule) -> bool:
        """Remove a schedule; what was decided is told, and its incarnation is remembered."""
        return await self._change(known, {"removed_at": milliseconds(self._clock.now())})

    async def advance(self, known: Schedule, decided: Due) -> Schedule | None:
        """Write down which occurrences are told and which are not; None where somebody was here before."""
        guard: Row = {"_id": known.name, "revision": known.revision, "cursor": known.cursor}
        left = LeftOut(known.incarnation, known.entry.missed.value, decided.left_out) if decided.left_out else None
        entry, pushed = known.entry, _remembered(left)
        firings = list(known.firings)
        if decided.occurrences:
            body = (entry.event, entry.distinct_id, entry.properties)
            firings.append(Firing(known.incarnation, *body, decided.occurrences, left))
            pushed["due"] = firing_row(firings[-1])
        change = {"$set": {"cursor": decided.cursor}, "$push": pushed}
        result = await patiently(self._rows.update_one, guard, change)
        return replace(known, cursor=decided.cursor, firings=firings) if result.matched_count else None

    async def told(self, name: str, firing: Firing) -> None:
        """Note that the events of a firing are stored."""
        which = {"incarnation": firing.incarnation, "until": firing.occurrences[-1]}
        await patiently(self._rows.update_one, {"_id": name}, {"$pull": {"due": which}})

    async def _change(
        self, known: Schedule, fresh: Mapping[str, Any], left: LeftOut | None = None, unset: list[str] | None = None
    ) -> bool:
        fresh = {**fresh, "revision": known.revision + 1}
        change: Row = {"$set": fresh}
        if left is not None:
            change["$push"] = _remembered(left)
        if unset:
            change["$unset"] = dict.fromkeys(unset, "")
        result = await patiently(self._rows.update_one, {"_id": known.name, "revision": known.revision}, change)
        # Unmatched: another was faster, or this very change was made by a try whose answer was lost.
        return bool(result.matched_count) or await self._holds(known.name, fresh)

    async def _holds(self, name: str, fresh: Mapping[str, Any]) -> bool:
        rows = await read(self._rows, {"_id": name})
        return bool(rows) and all(rows[0].get(field) == value for field, value in fresh.items())


def _later(known: Schedule, now: datetime) -> Row:
    # Not before what was decided: clocks differ, and no moment may be told under two incarnations.
    return {"incarnation": known.incarnation + 1, "cursor": max(now, known.cursor)}


def _passed(known: Schedule, now: datetime, why: str) -> LeftOut | None:
    passed = span(known.entry.timing, known.cursor, now + timedelta(milliseconds=1))
    return LeftOut(known.incarnation, why, passed) if passed else None


def _remembered(left: LeftOut | None) -> Row:
    return {"left_out": {"$each": [left_out_row(left)], "$slice": -REMEMBERED}} if left else {}
