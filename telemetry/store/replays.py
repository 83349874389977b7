"""Telling once more what was told: the next generation of a delivery, raised once an operation."""

from collections.abc import AsyncIterator
from datetime import datetime

from telemetry.core.delivery import Delivery, Signal, State, sources
from telemetry.store.client import Connection
from telemetry.store.commands import Row, patiently, read, walk
from telemetry.store.deliveries import carried_out
from telemetry.store.documents import delivery_from, line_place, work_place
from telemetry.store.selection import PAGE, Selection

STATES = sources(Signal.REPLAY)
# What was removed in time can be told no more.
WHOLE: Row = {"scrubbed": {"$exists": False}}


class Replays:
    """A consumer's queue, as far as its deliveries are told once more."""

    def __init__(self, connection: Connection, consumer: str) -> None:
        self._connection = connection
        self._rows = connection[f"{consumer}_queue"]

    async def survey(self, selection: Selection) -> dict[State, int]:
        """Count what a selection means by state, whatever states it names, of what has its body."""
        stages = [{"$match": selection.anyhow | WHOLE}, {"$group": {"_id": "$state", "number": {"$sum": 1}}}]
        rows = await patiently(lambda: self._rows.aggregate(stages).to_list(None))
        return {State(row["_id"]): row["number"] for row in rows}

    async def scrubbed(self, selection: Selection) -> int:
        """Count what a selection means of which the body was removed: it can be told no more."""
        return int(await patiently(self._rows.count_documents, selection.query | {"scrubbed": {"$exists": True}}))

    async def ended(
        self, selection: Selection, before: datetime, after: str = "", page: int = PAGE
    ) -> AsyncIterator[Delivery]:
        """Read those meant that ended before a moment, in the order of their ids, from one on."""
        query: Row = WHOLE | {"$and": [selection.query, {"_id": {"$gt": after}}, _ended(before)]}
        async for row in walk(self._rows, query, page=page):
            yield delivery_from(row)

    async def tell_again(self, delivery: Delivery, operation: str, at: datetime) -> bool:
        """Make a delivery that ended before a moment wait as its next generation, once for an operation.

        No, where it is not so any more: what another operation has had told since then is told.
        """
        now = self._connection.clock.now()
        fresh = {"failures": 0, "silent": 0, "pauses": 0, "ready_at": now}
        fresh["place"] = work_place(delivery.destination, delivery.order)
        if delivery.group is not None:
            fresh["line"] = line_place(delivery)
        raised: Row = {"generation": {"$add": ["$generation", 1]}, "replay": _replay(operation)}
        update = [{"$set": raised}, *carried_out(Signal.REPLAY, fresh, gone=("reason", "result", "since", "solo"))]
        result = await patiently(self._rows.update_one, _guard(delivery.id, operation, at), update)
        return bool(result.modified_count) or await self._told(delivery.id, operation)

    async def count(self, operation: str) -> int:
        """Count what an operation has had told once more."""
        return int(await patiently(self._rows.count_documents, {"replay.operation": operation}))

    async def _told(self, delivery: str, operation: str) -> bool:
        # A write whose answer was lost is made again, and finds that it is done.
        return bool(await read(self._rows, {"_id": delivery, "replay.operation": operation}, fields={"_id": 1}))


def _guard(delivery: str, operation: str, at: datetime) -> Row:
    others: Row = {"replay.operation": {"$ne": operation}, "replay.at": {"$lt": at}}
    return {
        "_id": delivery,
        "state": {"$in": [state.value for state in STATES]},
        # Where something follows from it that is not told yet, that comes first.
        "work": {"$exists": False},
        **WHOLE,
        "$and": [_ended(at), {"$or": [{"replay": {"$exists": False}}, others]}],
    }


def _ended(before: datetime) -> Row:
    return {"$or": [{"since": {"$lt": before}}, {"since": {"$exists": False}}]}


def _replay(operation: str) -> Row:
    return {"operation": {"$literal": operation}, "at": "$$NOW", "result": "$result"}
