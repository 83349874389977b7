"""The event rows: accepted once, owed until every registered consumer has acked."""

from collections import defaultdict
from collections.abc import Collection as Names
from collections.abc import Mapping, Sequence
from datetime import datetime

from telemetry.core.clock import EPOCH, micros
from telemetry.core.errors import UnavailableError
from telemetry.core.event import Event
from telemetry.store.client import Connection
from telemetry.store.commands import Row, Session, chunks, counted, insert_new, patiently, read
from telemetry.store.documents import event_from, event_row, ids_of_type

BY_DUE = (("due_at", 1),)
# Whatever is owed: a range, as no index answers `$exists` on every server.
OWED: Row = {"due_at": {"$gte": EPOCH}}


class Events:
    """The `events` collection."""

    def __init__(self, connection: Connection, session: Session | None = None) -> None:
        self._connection = connection
        self._rows = connection["events"]
        self._session = session

    async def insert(self, events: Sequence[Event]) -> dict[str, Event]:
        """Store events with distinct keys; answer with the rows that already held some of the keys.

        Returns only when every event is majority-committed, its own row or the one that blocked it. A row
        that carries the event's own receipt was written by an earlier try of this call and counts as new.
        Raises UnavailableError when that could not be found out: then the same call may be made again.
        """
        blocked = set(await insert_new(self._rows, [event_row(event) for event in events]))
        if not blocked:
            return {}
        wanted = {event.key: event for event in events if event.key in blocked}
        found = await self._behind(list(wanted))
        if len(found) < len(wanted):
            # What blocked us is not majority-committed: it may yet be rolled back, so it proves nothing.
            raise UnavailableError("an existing row is not committed yet")
        return {key: row for key, row in found.items() if row.receipt != wanted[key].receipt}

    async def fetch(self, keys: Sequence[str]) -> list[Event]:
        """Read the events that exist among the given keys."""
        return [event_from(row) for row in await self._fetch(keys) if "alias" not in row]

    async def _fetch(self, keys: Sequence[str]) -> list[Row]:
        found: list[Row] = []
        for some in chunks(keys, self._connection.chunk):
            found += await read(self._rows, {"_id": {"$in": list(some)}}, session=self._session)
        return found

    async def _behind(self, keys: Sequence[str]) -> dict[str, Event]:
        """Read what blocks each key: its event, or the event that an alias row leads to."""
        rows = await self._fetch(keys)
        alias = {row["_id"]: row["alias"] for row in rows if "alias" in row}
        behind = {event.key: event for event in await self.fetch(list(set(alias.values())))}
        await self._remove_aliases([key for key, name in alias.items() if name not in behind])
        events = {row["_id"]: event_from(row) for row in rows if "alias" not in row}
        return events | {key: behind[name] for key, name in alias.items() if name in behind}

    async def add_aliases(self, aliases: Mapping[str, str]) -> None:
        """Block keys on behalf of events stored under other keys; a key that is taken stays as it is."""
        rows: list[Row] = [{"_id": key, "alias": name} for key, name in aliases.items() if key != name]
        if rows:
            await insert_new(self._rows, rows)

    async def get(self, key: str) -> Event | None:
        """Read one event by the key that it is stored under."""
        found = await self.fetch([key])
        return found[0] if found else None

    async def _remove_aliases(self, keys: Sequence[str]) -> None:
        # Their event has been forgotten: the keys are free again.
        if keys:
            await patiently(self._rows.delete_many, {"_id": {"$in": list(keys)}, "alias": {"$exists": True}})

    async def oldest_owed(self) -> datetime | None:
        """Find where the owed index begins."""
        rows = await read(self._rows, OWED, fields={"due_at": 1}, sort=BY_DUE, limit=1)
        return rows[0]["due_at"] if rows else None

    async def owed(self, since: datetime, until: datetime, consumer: str, limit: int) -> list[Event]:
        """Read the first events due in [since, until) that a consumer has not acked, by due time."""
        query: Row = {"due_at": {"$gte": since, "$lt": until}, f"acks.{consumer}": {"$exists": False}}
        rows = await read(self._rows, query, sort=BY_DUE, limit=limit, session=self._session)
        return [event_from(row) for row in rows]

    async def ack(
        self, acks: Mapping[str, Mapping[str, int]], registered: Names[str], fired: Mapping[str, int] | None = None
    ) -> None:
        """Note per event how many deliveries each consumer took over; settle those that lack no registered one.

        An ack that is there already stands. An empty registry settles nothing. `fired` says which revision was
        offered of an event that had several.
        """
        alike: dict[tuple[int | None, tuple[tuple[str, int], ...]], list[str]] = defaultdict(list)
        for key, taken in acks.items():
            alike[(fired or {}).get(key), tuple(sorted(taken.items()))].append(key)
        for (revision, taken_over), keys in alike.items():
            told: Row = {} if revision is None else {"fired": revision}
            steps = [
                {"$set": _acked(dict(taken_over))},
                {"$set": {"due_at": _due_unless_settled(registered)}},
            ]
            for some in chunks(keys, self._connection.chunk):
                query = {"_id": {"$in": list(some)}}
                await patiently(self._rows.update_many, query | told, steps)

    async def settle_complete(self, registered: Names[str]) -> int:
        """Settle owed events that have every registered ack: what is left when a consumer was written off."""
        if not registered:
            return 0
        query: Row = {f"acks.{name}": {"$exists": True} for name in registered} | OWED
        result = await patiently(self._rows.update_many, query, {"$unset": {"due_at": ""}})
        return int(result.modified_count)

    async def note_replay(self, key: str, at: datetime) -> bool:
        """Remember an event from a moment on, as it is told once more; no, where it is gone, or what it says is."""
        guard: Row = {"_id": key} | {name: {"$exists": False} for name in ("alias", "forgotten", "scrubbed", "erased")}
        return bool((await patiently(self._rows.update_one, guard, {"$max": {"replayed": at}})).matched_count)

    async def past(
        self, event_type: str, before: datetime, after: str, limit: int, *, payload: bool = False
    ) -> list[str]:
        """List keys of settled events of a type received before a moment, in key order from `after` on.

        With `payload`, those alone that have one still.
        """
        query = {
            "_id": ids_of_type(event_type, after),
            "due_at": {"$exists": False},
            "erased": {"$exists": False},
            "received_at": {"$lt": before},
            # Told later, or revised, it is remembered from then on.
            "order": {"$lt": micros(before)},
            "replayed": {"$not": {"$gte": before}},
        } | ({"scrubbed": {"$exists": False}} if payload else {})
        return [row["_id"] for row in await read(self._rows, query, fields={"_id": 1}, sort=(("_id", 1),), limit=limit)]

    async def scrub(self, keys: Sequence[str], before: datetime | None = None) -> int:
        """Remove the properties of events; answer how many had some to remove.

        What is owed again by now keeps them, and what was told once more since a moment, where one is given.
        """
        settled: Row = {"_id": {"$in": list(keys)}, "due_at": {"$exists": False}, "scrubbed": {"$exists": False}}
        settled |= {"replayed": {"$not": {"$gte": before}}} if before else {}
        change = {"$set": {"properties": {}, "scrubbed": self._connection.clock.now()}}
        return int((await patiently(self._rows.update_many, settled, change)).modified_count)

    async def begin_forgetting(self, keys: Sequence[str], before: datetime) -> list[str]:
        """Mark events whose deliveries are about to go, so that nobody misses them; answer which are marked.

        What is owed again by now is not, nor what was told once more since a moment.
        """
        these: Row = {"_id": {"$in": list(keys)}}
        settled: Row = these | {"due_at": {"$exists": False}, "replayed": {"$not": {"$gte": before}}}
        await patiently(self._rows.update_many, settled, {"$set": {"forgotten": True}})
        return [row["_id"] for row in await read(self._rows, these | {"forgotten": True}, fields={"_id": 1})]

    async def forget(self, keys: Sequence[str]) -> None:
        """Delete events: from now on their keys are free."""
        await patiently(self._rows.delete_many, {"_id": {"$in": list(keys)}, "forgotten": True})

    async def count_owed(self, consumer: str, most: int = 0) -> int:
        """Count the events owed to a consumer, now or later, up to `most` where that is given."""
        return await counted(self._rows, OWED | {f"acks.{consumer}": {"$exists": False}}, most)

    async def count_later(self, consumer: str, now: datetime, most: int = 0) -> int:
        """Count the events that are owed to a consumer and not yet due, up to `most` where that is given."""
        return await counted(self._rows, {"due_at": {"$gt": now}, f"acks.{consumer}": {"$exists": False}}, most)

    async def estimate(self) -> int:
        """Say about how many events are stored."""
        return int(await patiently(self._rows.estimated_document_count))


def _acked(taken: Mapping[str, int]) -> Row:
    fresh = {name: {"at": "$$NOW", "deliveries": {"$literal": n}} for name, n in taken.items()}
    return {f"acks.{name}": {"$ifNull": [f"$acks.{name}", ack]} for name, ack in fresh.items()}


def _due_unless_settled(registered: Names[str]) -> Row | str:
    if not registered:
        return "$due_at"
    acked = [{"$ne": [{"$type": f"$acks.{name}"}, "missing"]} for name in sorted(registered)]
    return {"$cond": [{"$and": acked}, "$$REMOVE", "$due_at"]}
