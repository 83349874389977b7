"""A consumer's queue: one row a delivery, kept as a tombstone when it is done."""

from collections.abc import Collection as Names
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo.errors import BulkWriteError

from telemetry.core.delivery import TOMBSTONES, Delivery, Signal, State, sources, target
from telemetry.core.errors import UnavailableError
from telemetry.store.client import Connection, Row, chunks, patiently, read
from telemetry.store.documents import delivery_from, delivery_row

DUPLICATE_KEY = 11000
INSERT_AT_ONCE = 1000


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
            skipped += await patiently(self._offer, [delivery_row(delivery) for delivery in some])
        return skipped

    async def _offer(self, rows: list[Row]) -> list[str]:
        try:
            await self._rows.insert_many(rows, ordered=False)
        except BulkWriteError as error:
            details = error.details or {}
            other = [entry for entry in details["writeErrors"] if entry.get("code") != DUPLICATE_KEY]
            if other or details.get("writeConcernErrors"):
                raise UnavailableError(f"the queue {self._rows.name} did not take an offer: {error}") from error
            return [rows[entry["index"]]["_id"] for entry in details["writeErrors"]]
        return []

    async def destinations(self) -> list[str]:
        """List the destinations for which something is pending."""
        query = {"state": State.PENDING, "ready_at": {"$exists": True}}
        return list(await patiently(self._rows.distinct, "destination", query))

    async def waiting(self, destination: str, limit: int) -> list[Delivery]:
        """Read the head of a destination's queue, in order, due or not: a head that waits is not overtaken."""
        query = {"state": State.PENDING, "destination": destination, "ready_at": {"$exists": True}}
        rows = await read(self._rows, query, sort=(("order", 1), ("_id", 1)), limit=limit)
        return [delivery_from(row) for row in rows]

    async def fetch(self, ids: Sequence[str]) -> list[Delivery]:
        """Read the deliveries that exist among the given ids, in the given order."""
        found: dict[str, Delivery] = {}
        for some in chunks(ids, self._connection.chunk):
            query = {"_id": {"$in": list(some)}}
            rows = await read(self._rows, query)
            found |= {row["_id"]: delivery_from(row) for row in rows}
        return [found[name] for name in ids if name in found]

    async def of_event(self, key: str) -> list[Delivery]:
        """Read an event's deliveries."""
        return [delivery_from(row) for row in await read(self._rows, of_events([key]))]

    async def unfinished(self, keys: Sequence[str]) -> set[str]:
        """Say which of the given events have a delivery that is neither delivered nor skipped."""
        query = of_events(keys) | {"ready_at": {"$exists": True}}
        return {row["event"] for row in await read(self._rows, query, fields={"event": 1})}

    async def forget(self, keys: Sequence[str]) -> None:
        """Delete the tombstones of events that are about to be forgotten."""
        await patiently(self._rows.delete_many, of_events(keys) | {"ready_at": {"$exists": False}})

    async def settle(
        self,
        members: Sequence[tuple[str, int]],
        signal: Signal,
        *,
        claims: Mapping[str, int] | None = None,
        **fields: Any,
    ) -> int:
        """Carry out a signal on (id, generation) members; answer how many rows took it.

        A row in a state from which the table has no such step, of another generation, or claimed since,
        stays as it is. A finished row leaves the work index.
        """
        changed = 0
        for generation in {generation for _, generation in members}:
            ids = [name for name, own in members if own == generation]
            for some in chunks(ids, self._connection.chunk):
                query: Row = {"_id": {"$in": list(some)}, "generation": generation}
                query["state"] = {"$in": [state.value for state in sources(signal)]}
                if claims is not None:
                    query["$or"] = [{"_id": name, "claims": claims[name]} for name in some]
                update = self._update(signal, fields)
                result = await patiently(self._rows.update_many, query, update)
                changed += result.modified_count
        return changed

    def _update(self, signal: Signal, fields: Mapping[str, Any]) -> Row:
        state = target(signal)
        update: Row = {"$set": {"state": state.value, **fields}}
        if state in TOMBSTONES:
            update["$unset"] = {"ready_at": "", "holder": "", "attempt": "", "scope": ""}
        return update

    async def redrive(self, query: Mapping[str, Any], now: datetime, limit: int | None = None) -> int:
        """Put dead or parked rows back to pending in the same generation; answer how many there were."""
        states = [state.value for state in sources(Signal.REDRIVE)]
        wanted: Row = {"state": {"$in": states}, "ready_at": {"$exists": True}, **query}
        update = self._update(Signal.REDRIVE, {"ready_at": now, "failures": 0}) | {
            "$unset": {"reason": "", "scope": ""}
        }
        if limit is not None:
            rows = await read(self._rows, wanted, fields={"_id": 1}, sort=(("order", 1),), limit=limit)
            wanted = wanted | {"_id": {"$in": [row["_id"] for row in rows]}}
        result = await patiently(self._rows.update_many, wanted, update)
        return int(result.modified_count)

    async def park_all(self, destination: str, reason: str, scope: str) -> int:
        """Park everything pending for a destination; `scope` says what must return for it to come back."""
        query = {"state": State.PENDING, "destination": destination, "ready_at": {"$exists": True}}
        update = self._update(Signal.PARK, {"reason": reason, "scope": scope})
        result = await patiently(self._rows.update_many, query, update)
        return int(result.modified_count)

    async def mark(self, ids: Sequence[str], **fields: Any) -> None:
        """Note something durably on unfinished rows, without moving them."""
        update = {"$set": fields}
        for some in chunks(ids, self._connection.chunk):
            query = {"_id": {"$in": list(some)}, "ready_at": {"$exists": True}}
            await patiently(self._rows.update_many, query, update)

    async def standing(self, state: State, limit: int, destination: str | None = None) -> list[Delivery]:
        """List unfinished rows in a state, oldest first."""
        query: Row = {"state": state, "ready_at": {"$exists": True}}
        if destination:
            query["destination"] = destination
        rows = await read(self._rows, query, sort=(("destination", 1), ("order", 1)), limit=limit)
        return [delivery_from(row) for row in rows]

    async def count(self, states: Names[State]) -> dict[State, int]:
        """Count unfinished rows by state."""
        counts: dict[State, int] = {}
        for state in states:
            query = {"state": state, "ready_at": {"$exists": True}}
            counts[state] = int(await patiently(lambda q=query: self._rows.count_documents(q)))  # type: ignore[misc]
        return counts


def of_events(keys: Sequence[str]) -> Row:
    """Find exactly the rows of some events: "|" ends a key, and no key holds one unescaped."""
    return {"$or": [{"_id": {"$gte": f"{key}|", "$lt": f"{key}}}"}} for key in keys]}


async def queues(connection: Connection) -> list[Deliveries]:
    """List the queues that exist, of consumers that are still registered or not."""
    names = await patiently(connection.database.list_collection_names)
    return [Deliveries(connection, name.removesuffix("_queue")) for name in sorted(names) if name.endswith("_queue")]
