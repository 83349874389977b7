"""A consumer's queue: one row a delivery, kept as a tombstone when it is done."""

from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Collection as Names
from datetime import datetime
from typing import Any

from telemetry.core.clock import micros
from telemetry.core.delivery import STANDING, TOMBSTONES, Delivery, Signal, State, sources, target
from telemetry.store.client import Connection
from telemetry.store.commands import Row, chunks, counted, insert_new, patiently, read, walk
from telemetry.store.documents import delivery_from, delivery_row, ids_of_type

INSERT_AT_ONCE = 1000
BY_WORK, BY_ID = (("work", 1),), (("_id", 1),)


class Deliveries:
    """The `<consumer>_queue` collection."""

    def __init__(self, connection: Connection, consumer: str) -> None:
        self.consumer = consumer
        self._connection = connection
        self._rows = connection[f"{consumer}_queue"]

    async def offer(self, deliveries: Sequence[Delivery]) -> list[str]:
        """Put deliveries in the queue, durably; answer with the ids that were there, in whatever state they stay."""
        skipped: list[str] = []
        for some in chunks(deliveries, INSERT_AT_ONCE):
            skipped += await insert_new(self._rows, [delivery_row(delivery) for delivery in some])
        return skipped

    async def destinations(self, *states: State) -> list[str]:
        """List the destinations for which something is in one of some states."""
        return list(await patiently(self._rows.distinct, "destination", standing(states)))

    async def destinations_of(self, state: State, kind: str) -> list[str]:
        """List the destinations of one kind for which something is in a state."""
        return list(await patiently(self._rows.distinct, "destination", _of_kind(state, kind)))

    async def destinations_after(self, state: State, kind: str, name: str, rows: int) -> list[str]:
        """List the destinations of one kind that follow a name ("": all), as far as so many rows in a state go."""
        query = _of_kind(state, kind, name)
        found = await read(self._rows, query, fields={"destination": 1}, sort=BY_WORK, limit=rows)
        return list(dict.fromkeys(row["destination"] for row in found))

    async def waiting(self, destination: str, limit: int) -> list[Delivery]:
        """Read the head of a destination's queue, in order, due or not: a head that waits is not overtaken."""
        return await self.standing(State.PENDING, limit, destination)

    async def fetch(self, ids: Sequence[str]) -> list[Delivery]:
        """Read the deliveries that exist among the given ids, in the given order."""
        found: dict[str, Delivery] = {}
        for some in chunks(ids, self._connection.chunk):
            query = {"_id": {"$in": list(some)}}
            rows = await read(self._rows, query)
            found |= {row["_id"]: delivery_from(row) for row in rows}
        return [found[name] for name in ids if name in found]

    async def of_event(self, key: str, limit: int = 0) -> list[Delivery]:
        """Read an event's deliveries, or the first so many."""
        return [delivery_from(row) for row in await read(self._rows, of_events([key]), sort=BY_ID, limit=limit)]

    async def each_of_event(self, key: str) -> AsyncIterator[Delivery]:
        """Read an event's deliveries, however many, by id."""
        async for row in walk(self._rows, of_events([key])):
            yield delivery_from(row)

    async def unfinished(self, keys: Sequence[str]) -> set[str]:
        """Say which of the given events have a delivery that is neither delivered nor skipped."""
        query = of_events(keys) | {"work": {"$exists": True}}
        return {row["event"] for row in await read(self._rows, query, fields={"event": 1})}

    async def unfinished_rows(self) -> AsyncIterator[Delivery]:
        """Read every delivery that is neither delivered nor skipped, however many, by id."""
        async for row in walk(self._rows, {"work": {"$exists": True}}):
            yield delivery_from(row)

    async def forget(self, keys: Sequence[str]) -> None:
        """Delete the tombstones of events that are about to be forgotten."""
        await patiently(self._rows.delete_many, of_events(keys) | {"work": {"$exists": False}})

    async def skip_waiting(self, keys: Sequence[str], flying: Names[str], reason: str) -> None:
        """Leave out what is not done of some events, but for what a courier has now or what may be on its way."""
        query: Row = of_events(keys) | {"_id": {"$nin": sorted(flying)}}
        query["state"] = {"$in": [state.value for state in sources(Signal.SKIP)]}
        await patiently(self._rows.update_many, query, carried_out(Signal.SKIP, {"reason": reason}))

    async def skipped_for(self, keys: Sequence[str]) -> list[str]:
        """List the destinations for which a delivery of some events was left out."""
        query = of_events(keys) | {"state": State.SKIPPED.value}
        return list(await patiently(self._rows.distinct, "destination", query))

    async def count_of(self, keys: Sequence[str]) -> tuple[int, int]:
        """Count the deliveries of some events, and those among them that are not done."""
        rows = await read(self._rows, of_events(keys), fields={"work": 1})
        return len(rows), sum("work" in row for row in rows)

    async def scrub(self, keys: Sequence[str]) -> set[str]:
        """Remove the bodies of some events' tombstones; say which of the events have a row that keeps its body.

        What is scrubbed can be told no more: no replay takes it from then on.
        """
        rows = of_events(keys) | {"scrubbed": {"$exists": False}}
        change = {"$set": {"body": {}, "scrubbed": True}, "$unset": {"group": ""}}
        await patiently(self._rows.update_many, rows | {"work": {"$exists": False}}, change)
        return {row["event"] for row in await read(self._rows, rows, fields={"event": 1})}

    async def settle(
        self,
        members: Sequence[tuple[str, int]],
        signal: Signal,
        *,
        claimed: int | None = None,
        **fields: Any,
    ) -> int:
        """Carry out a signal on (id, generation) members; answer how many rows took it.

        A row in a state from which the table has no such step, of another generation, or not claimed so often,
        stays as it is. A finished row leaves the work index.
        """
        changed = 0
        for generation in {generation for _, generation in members}:
            ids = [name for name, own in members if own == generation]
            for some in chunks(ids, self._connection.chunk):
                query: Row = {"_id": {"$in": list(some)}, "generation": generation}
                query["state"] = {"$in": [state.value for state in sources(signal)]}
                if claimed is not None:
                    query["claims"] = claimed
                if signal is Signal.REPLAY:
                    query["scrubbed"] = {"$exists": False}
                update = carried_out(signal, fields)
                result = await patiently(self._rows.update_many, query, update)
                changed += result.modified_count
        return changed

    async def redrive(self, query: Mapping[str, Any], now: datetime, limit: int | None = None) -> int:
        """Put dead or parked rows back to pending in the same generation; answer how many there were."""
        wanted: Row = {"state": {"$in": [state.value for state in sources(Signal.REDRIVE)]}, **query}
        if limit is not None:
            rows = await read(self._rows, wanted, fields={"_id": 1}, sort=BY_WORK, limit=limit)
            wanted = wanted | {"_id": {"$in": [row["_id"] for row in rows]}}
        fresh = {"ready_at": now, "failures": 0, "silent": 0, "pauses": 0}
        change = carried_out(Signal.REDRIVE, fresh, gone=("reason", "scope", "since"))
        result = await patiently(self._rows.update_many, wanted, [_due_at_once(now), *change])
        return int(result.modified_count)

    async def redrive_those(self, ids: Sequence[str], began: datetime) -> int:
        """Put those back to pending that are dead or parked since before a moment; answer how many there were."""
        changed = 0
        for some in chunks(ids, self._connection.chunk):
            # What stands again since then was tried meanwhile.
            query: Row = {"_id": {"$in": list(some)}, "$or": [{"since": {"$lt": began}}, {"since": {"$exists": False}}]}
            changed += await self.redrive(query, self._connection.clock.now())
        return changed

    async def unpark(self, destination: str, scope: str, now: datetime, limit: int | None = None) -> int:
        """Put back to pending what was parked with its destination, the first ones first."""
        return await self.redrive(standing([State.PARKED], destination) | {"scope": scope}, now, limit)

    async def park_all(self, destination: str, reason: str, scope: str) -> int:
        """Park everything pending for a destination; `scope` says what must return for it to come back."""
        change = carried_out(Signal.PARK, {"reason": reason, "scope": scope})
        result = await patiently(self._rows.update_many, standing([State.PENDING], destination), change)
        return int(result.modified_count)

    async def mark(self, ids: Sequence[str], **fields: Any) -> None:
        """Note something durably on unfinished rows, without moving them."""
        for some in chunks(ids, self._connection.chunk):
            query = {"_id": {"$in": list(some)}, "work": {"$exists": True}}
            await patiently(self._rows.update_many, query, {"$set": fields})

    async def remember(self, ids: Sequence[str], attempt: Mapping[str, Any]) -> None:
        """Note a try that nobody knows the outcome of on unfinished rows that know of none."""
        for some in chunks(ids, self._connection.chunk):
            query = {"_id": {"$in": list(some)}, "work": {"$exists": True}, "attempt": None}
            await patiently(self._rows.update_many, query, {"$set": {"attempt": attempt}})

    async def forget_attempt(self, ids: Sequence[str], nonce: str, last_at: datetime) -> None:
        """Take a try whose outcome is known by now off unfinished rows, unless they know of a later one."""
        for some in chunks(ids, self._connection.chunk):
            query: Row = {"_id": {"$in": list(some)}, "attempt.nonce": nonce, "attempt.last_at": {"$lte": last_at}}
            await patiently(self._rows.update_many, query, {"$unset": {"attempt": ""}})

    async def standing(self, state: State, limit: int, destination: str | None = None) -> list[Delivery]:
        """List unfinished rows in a state, in the order of each destination."""
        rows = await read(self._rows, standing([state], destination), sort=BY_WORK, limit=limit)
        return [delivery_from(row) for row in rows]

    async def count_of_type(self, event_type: str, state: State) -> int:
        """Count the deliveries of a type's events that are in a state."""
        return await counted(self._rows, {"_id": ids_of_type(event_type), "state": state.value})

    async def first_of_other_types(self, event_type: str, state: State) -> Delivery | None:
        """Read the first unfinished row in a state that is of no event of a type."""
        query: Row = standing([state]) | {"_id": {"$not": ids_of_type(event_type)}}
        rows = await read(self._rows, query, sort=BY_WORK, limit=1)
        return delivery_from(rows[0]) if rows else None

    async def count(self, states: Names[State], destination: str | None = None, *, most: int = 0) -> dict[State, int]:
        """Count unfinished rows by state, of each state up to `most` where that is given."""
        asked = {state: standing([state], destination) for state in states}
        return {state: await counted(self._rows, query, most) for state, query in asked.items()}


def standing(states: Sequence[State], destination: str | None = None) -> Row:
    """Find unfinished rows by state and destination, as ranges of the work index."""
    starts = [f"{state}|{destination}" if destination else str(state) for state in states]
    ranges = [{"work": {"$gte": f"{start}|", "$lt": f"{start}}}"}} for start in starts]
    return ranges[0] if len(ranges) == 1 else {"$or": ranges}


def _of_kind(state: State, kind: str, after: str = "") -> Row:
    # "|" ends a destination in the index, and "}" comes next: all of it is passed by.
    start = f"{state}|{after}}}" if after else f"{state}|{kind}:"
    return {"work": {"$gte": start, "$lt": f"{state}|{kind};"}}


def carried_out(signal: Signal, fields: Mapping[str, Any], gone: Sequence[str] = ()) -> Any:
    """Spell the update that carries a signal out; a finished row leaves the indexes."""
    state = target(signal)
    if state in TOMBSTONES:
        left = dict.fromkeys(("work", "line", "ready_at", "holder", "attempt", "scope", *gone), "")
        left |= {"reason": ""} if signal is Signal.DONE else {}
        return {"$set": {"state": state.value, **fields}, "$unset": left, "$currentDate": {"since": True}}
    # The entry in the work index is made of the row's own place, or of the one that it is given.
    place = {"$literal": fields["place"]} if "place" in fields else "$place"
    moved: Row = {"state": state.value, "work": {"$concat": [f"{state}|", place]}}
    if state in STANDING:
        moved["since"] = "$$NOW"
    stages: list[Row] = [{"$set": moved | {name: {"$literal": value} for name, value in fields.items()}}]
    return [*stages, {"$unset": list(gone)}] if gone else stages


def _due_at_once(now: datetime) -> Row:
    # What waited for a later try has its place there; any other keeps the place that it has.
    place = {"$concat": ["$destination", "|", f"{micros(now):020d}"]}
    return {"$set": {"place": {"$cond": [{"$gt": ["$ready_at", {"$literal": now}]}, place, "$place"]}}}


def of_events(keys: Sequence[str]) -> Row:
    """Find exactly the rows of some events: "|" ends a key, and no key holds one unescaped."""
    return {"$or": [{"_id": {"$gte": f"{key}|", "$lt": f"{key}}}"}} for key in keys]}


async def queues(connection: Connection) -> list[Deliveries]:
    """List the queues that exist, of consumers that are still registered or not."""
    names = await patiently(connection.database.list_collection_names)
    return [Deliveries(connection, name.removesuffix("_queue")) for name in sorted(names) if name.endswith("_queue")]
