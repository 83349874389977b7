"""Events that may be revised or cancelled until they fire: whichever comes first, for all processes at once.

Each method is one guarded update of the event's row, so a revision, a cancellation and the firing exclude one another.
"""

from collections.abc import Sequence

from telemetry.core.errors import UnavailableError
from telemetry.core.event import Event
from telemetry.store.client import Connection
from telemetry.store.commands import Row, Session, chunks, patiently, read
from telemetry.store.documents import event_row
from telemetry.store.events import OWED, Events

UNFIRED: Row = {"revision": {"$exists": True}, "fired": {"$exists": False}}


class Deferred:
    """The rows of the `events` collection that have a revision."""

    def __init__(self, connection: Connection, session: Session | None = None) -> None:
        self._connection = connection
        self._events = Events(connection, session)
        self._rows = connection["events"]
        self._session = session

    async def revise(self, event: Event) -> Event:
        """Put an event in the place of a lower revision that has not fired; answer with what stands now.

        That is the given event itself where it took the place, also in an earlier try of this call. Raises
        UnavailableError when that could not be found out: then the same call may be made again.
        """
        revision, row = event.revision or 0, event_row(event)
        guard: Row = {"_id": row.pop("_id"), "revision": {"$lt": revision}, "fired": {"$exists": False}}
        for first in ("received_at", "acks"):
            del row[first]
        # One that is cancelled may be about to be forgotten: opened again, it is not.
        gone = {name: "" for name in ("cancelled", "deliver_at", "forgotten", "scrubbed") if name not in row}
        result = await patiently(self._rows.update_one, guard, {"$set": row, "$unset": gone})
        if result.matched_count:
            return event
        stands = await self._events.get(event.key)
        if stands is None or (stands.must_fire and (stands.revision or 0) < revision):
            raise UnavailableError("what stands under this key is not committed yet")
        return event if stands.receipt == event.receipt and stands.revision == revision else stands

    async def fire(self, events: Sequence[Event]) -> set[str]:
        """End the time in which events may be revised or cancelled; answer with the keys whose revision is told."""
        told: set[str] = set()
        for revision in {event.revision for event in events}:
            keys = [event.key for event in events if event.revision == revision]
            for some in chunks(keys, self._connection.chunk):
                these: Row = {"_id": {"$in": list(some)}}
                unfired = these | {"revision": revision, "fired": {"$exists": False}} | OWED
                await patiently(self._rows.update_many, unfired, {"$set": {"fired": revision}})
                fired = await read(self._rows, these | {"fired": revision}, fields={"_id": 1}, session=self._session)
                told |= {row["_id"] for row in fired}
        return told

    async def cancel(self, key: str, by: str, reason: str) -> Event | None:
        """Tell an event to nobody unless it has fired; answer with it as it stands then, if there is one."""
        cancelled = {"at": self._connection.clock.now(), "by": by, "reason": reason}
        guard = {"_id": key, "cancelled": {"$exists": False}} | UNFIRED
        await patiently(self._rows.update_one, guard, {"$set": {"cancelled": cancelled}, "$unset": {"due_at": ""}})
        return await self._events.get(key)
