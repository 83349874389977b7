"""The events of a person who is forgotten: each is hidden, and in the end replaced by a tombstone that names nobody.

A tombstone is a row of `events` under `erased:<hmac of the key>`. It is there before the event's own row goes, and the
row goes last: whoever is killed in between is found by it again.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from telemetry.core.erasure import Secret, buried
from telemetry.core.event import Event
from telemetry.store.client import Connection
from telemetry.store.commands import Row, chunks, insert_new, patiently, read, walk
from telemetry.store.documents import event_from, event_row

COLLECTION = "erasures"
# All that says anything, or would have the event told, revised or cancelled.
_GONE = ("due_at", "deliver_at", "revision", "fired", "cancelled", "origin", "scrubbed")
_EMPTY: Row = {"distinct_id": "", "properties": {}, "digest": "", "source": "", "forgotten": True}


class Erasures:
    """The `events` collection, as far as persons are forgotten, and the `erasures` collection that says who did it."""

    def __init__(self, connection: Connection, secret: Secret) -> None:
        self._connection = connection
        self._secret = secret
        self._rows = connection["events"]
        self._journal = connection[COLLECTION]

    async def known(self, keys: Sequence[str]) -> dict[str, Event]:
        """Give the tombstones of those among some keys that were erased, by the key."""
        names = {self._secret.name(key): key for key in keys}
        found: dict[str, Event] = {}
        for some in chunks(list(names), self._connection.chunk):
            rows = await read(self._rows, {"_id": {"$in": list(some)}})
            found |= {names[row["_id"]]: event_from(row) for row in rows}
        return found

    async def find(self, distinct_id: str) -> AsyncIterator[Event]:
        """Read every event of a person, without what it says, hidden ones too. It reads through all events."""
        of_person = [{"distinct_id": distinct_id}, {"erasing": self._secret.person(distinct_id)}]
        query: Row = {"$or": of_person, "alias": {"$exists": False}}
        async for row in walk(self._rows, query, {"properties": 0}):
            yield event_from(row | {"properties": {}})

    async def bury(self, events: Sequence[Event], aliases: Mapping[str, str]) -> None:
        """Make the tombstones of events, and of the other keys that block on their behalf; they are known from now."""
        now = self._connection.clock.now()
        rows = {event.key: event_row(buried(event, self._secret.name(event.key), now)) for event in events}
        others = [
            {**rows[key], "_id": self._secret.name(alias), "alias": self._secret.name(key)}
            for alias, key in aliases.items()
            if key in rows
        ]
        for some in chunks([*rows.values(), *others], self._connection.chunk):
            await insert_new(self._rows, some)

    async def hide(self, keys: Sequence[str], distinct_id: str) -> None:
        """Take out of events all that they say, and owe them to nobody; their keys block until they are removed."""
        person = self._secret.person(distinct_id)
        change = {"$set": _EMPTY | {"erased": self._connection.clock.now(), "erasing": person}}
        for some in chunks(keys, self._connection.chunk):
            query: Row = {"_id": {"$in": list(some)}, "erased": {"$exists": False}}
            await patiently(self._rows.update_many, query, change | {"$unset": dict.fromkeys(_GONE, "")})

    async def remove(self, keys: Sequence[str]) -> None:
        """Delete the rows of hidden events: their tombstones stand for them."""
        for some in chunks(keys, self._connection.chunk):
            query: Row = {"_id": {"$in": list(some)}, "erasing": {"$exists": True}}
            await patiently(self._rows.delete_many, query)

    async def note_begin(self, name: str, distinct_id: str, by: str, reason: str, at: datetime) -> None:
        """Write down who begins to forget a person, and why, but not whom."""
        row = {"_id": name, "person": self._secret.person(distinct_id), "by": by, "reason": reason, "at": at}
        await insert_new(self._journal, [row])

    async def note_end(self, name: str, events: int, left: int) -> None:
        """Write down what it came to."""
        done = {"ended": self._connection.clock.now(), "events": events, "left": left}
        await patiently(self._journal.update_one, {"_id": name}, {"$set": done})
