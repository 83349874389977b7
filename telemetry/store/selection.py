"""The deliveries that an operator means, counted before anything is done to them."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from telemetry.core.clock import micros
from telemetry.core.delivery import TOMBSTONES, Delivery, Signal, State, sources
from telemetry.store.client import Connection
from telemetry.store.commands import Row, patiently, walk
from telemetry.store.deliveries import standing
from telemetry.store.documents import delivery_from, ids_of_type

# Bodies may be large, and a reader holds one page.
PAGE = 100


@dataclass(frozen=True, slots=True)
class Selection:
    """Which deliveries are meant; whatever is said must hold."""

    states: tuple[State, ...] = sources(Signal.REDRIVE)
    event: str | None = None
    delivery: str | None = None
    destination: str | None = None
    consumer: str | None = None
    type: str | None = None  # of the event
    reason: str | None = None  # a part of it
    since: datetime | None = None  # ended, or came to stand, then or later
    until: datetime | None = None  # and before then

    @classmethod
    def named(cls, name: str | None, states: tuple[State, ...], **said: Any) -> "Selection":
        """Select by an event's key or a delivery's id, as a person types either; without a name, by the rest alone."""
        one = name is not None and "|" in name
        return cls(states, event=None if one else name, delivery=name if one else None, **said)

    def concerns(self, consumer: str) -> bool:
        """Say whether a consumer's deliveries may be meant."""
        return self.consumer in (None, consumer)

    @property
    def query(self) -> Row:
        """The selection as the database is asked."""
        named = self.event is not None or self.delivery is not None
        # These have no place in the work index, or one that does not begin with their destination.
        if named or not {*TOMBSTONES, State.HELD}.isdisjoint(self.states):
            return self.anyhow | {"state": {"$in": [state.value for state in self.states]}}
        return self.anyhow | standing(self.states, self.destination)

    @property
    def anyhow(self) -> Row:
        """The selection without the states, as the database is asked."""
        query: Row = {} if self.destination is None else {"destination": self.destination}
        if self.event is not None:
            query["_id"] = {"$gte": f"{self.event}|", "$lt": f"{self.event}}}"}
        elif self.delivery is not None:
            query["_id"] = self.delivery
        if self.reason is not None:
            query["reason"] = {"$regex": re.escape(self.reason), "$options": "i"}
        more: list[Row] = [{"_id": ids_of_type(self.type)}] if self.type is not None else []
        more += [_within(self.since, self.until)] if self.since or self.until else []
        return query | {"$and": more} if more else query


@dataclass(frozen=True, slots=True)
class Heap:
    """Deliveries that stand for one reason at one destination."""

    destination: str
    reason: str
    number: int


async def count_selected(connection: Connection, consumer: str, selection: Selection) -> int:
    """Count the deliveries of a consumer that a selection means."""
    rows = connection[f"{consumer}_queue"]
    return int(await patiently(rows.count_documents, selection.query))


async def heaps_selected(connection: Connection, consumer: str, selection: Selection, limit: int) -> list[Heap]:
    """Count them by destination and reason, the most first, at most so many."""
    alike = {"destination": "$destination", "reason": "$reason"}
    stages: Sequence[dict[str, Any]] = [
        {"$match": selection.query},
        {"$group": {"_id": alike, "number": {"$sum": 1}}},
        {"$sort": {"number": -1, "_id": 1}},
        {"$limit": limit},
    ]
    rows = await patiently(lambda: connection[f"{consumer}_queue"].aggregate(stages, allowDiskUse=True).to_list(None))
    return [Heap(row["_id"]["destination"], row["_id"].get("reason") or "", row["number"]) for row in rows]


async def stream_selected(
    connection: Connection, consumer: str, selection: Selection, page: int = PAGE
) -> AsyncIterator[Delivery]:
    """Read them in the order of each destination, however many."""
    async for row in walk(connection[f"{consumer}_queue"], selection.query, page=page, by="work"):
        yield delivery_from(row)


def _within(since: datetime | None, until: datetime | None) -> Row:
    ends = {name: moment for name, moment in (("$gte", since), ("$lt", until)) if moment}
    # What stands since before that was noted, or since it was offered, goes by when its event came.
    orders = {name: micros(moment) for name, moment in ends.items()}
    return {"$or": [{"since": ends}, {"since": {"$exists": False}, "order": orders}]}
