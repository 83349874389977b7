"""Everything that is stored, in the order of its ids and in small pages: what an audit reads."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from telemetry.core.delivery import State
from telemetry.core.event import Event
from telemetry.store.client import Connection
from telemetry.store.commands import Row, chunks, read, walk
from telemetry.store.deliveries import of_events
from telemetry.store.documents import event_from, ids_of_type

_FACT = {
    "event": 1,
    "receipt": 1,
    "received_at": 1,
    "due_at": 1,
    "acks": 1,
    "cancelled": 1,
    "forgotten": 1,
    "erased": 1,
}
_HOLDING = {"event": 1, "receipt": 1, "state": 1, "generation": 1, "result": 1}


@dataclass(frozen=True, slots=True)
class Fact:
    """What an event's row says about its standing."""

    id: str
    type: str
    receipt: str
    received_at: datetime
    owed: bool
    acks: Mapping[str, int]  # deliveries by consumer
    forgotten: bool
    cancelled: bool = False
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Holding:
    """What a delivery's row says about its standing."""

    id: str
    consumer: str
    event: str
    receipt: str
    state: State
    generation: int
    has_result: bool


class Census:
    """Reads all rows, or the rows of some events again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def facts(self) -> AsyncIterator[Fact]:
        """Read every event but those being forgotten, in the order of their keys' bytes."""
        only = {"alias": {"$exists": False}, "forgotten": {"$exists": False}}
        async for row in walk(self._connection["events"], only, _FACT):
            yield _fact(row)

    async def holdings(self, consumer: str) -> AsyncIterator[Holding]:
        """Read every delivery of a consumer, in the order of their ids' bytes."""
        async for row in walk(self._connection[f"{consumer}_queue"], {}, _HOLDING):
            yield _holding(row, consumer)

    async def facts_of(self, keys: Sequence[str]) -> dict[str, Fact]:
        """Read the events that exist among the given keys, by key."""
        found: dict[str, Fact] = {}
        for some in chunks(keys, self._connection.chunk):
            query = {"_id": {"$in": list(some)}, "alias": {"$exists": False}}
            rows = await read(self._connection["events"], query, fields=_FACT)
            found |= {row["_id"]: _fact(row) for row in rows}
        return found

    async def holdings_of(self, consumer: str, keys: Sequence[str]) -> list[Holding]:
        """Read a consumer's deliveries of some events."""
        found: list[Holding] = []
        for some in chunks(keys, self._connection.chunk):
            rows = await read(self._connection[f"{consumer}_queue"], of_events(some), fields=_HOLDING)
            found += [_holding(row, consumer) for row in rows]
        return found

    async def events_of(self, event_type: str, since: datetime | None = None) -> AsyncIterator[Event]:
        """Read every event of a type, under whatever key policy it was stored, or those received since a moment."""
        only: Row = {"_id": ids_of_type(event_type), "alias": {"$exists": False}, "erased": {"$exists": False}}
        only |= {"received_at": {"$gte": since}} if since else {}
        async for row in walk(self._connection["events"], only):
            yield event_from(row)

    async def has_type(self, event_type: str) -> bool:
        """Say whether there is any event of a type."""
        only = {"_id": ids_of_type(event_type)}
        return bool(await read(self._connection["events"], only, fields={"_id": 1}, limit=1))

    async def present_key(self, key: str) -> str:
        """Give the key that an event has now, by that one or an earlier one."""
        return await self.alias(key) or key

    async def alias(self, key: str) -> str | None:
        """Say under which key the event is stored that a key blocks on behalf of."""
        rows = await read(self._connection["events"], {"_id": key}, fields={"alias": 1})
        return rows[0].get("alias") if rows else None


def _fact(row: Row) -> Fact:
    return Fact(
        id=row["_id"],
        type=row["event"],
        receipt=row["receipt"],
        received_at=row["received_at"],
        owed="due_at" in row,
        acks={name: ack.get("deliveries", 0) for name, ack in row.get("acks", {}).items()},
        forgotten=bool(row.get("forgotten")),
        cancelled="cancelled" in row,
        erased="erased" in row,
    )


def _holding(row: Row, consumer: str) -> Holding:
    return Holding(
        id=row["_id"],
        consumer=consumer,
        event=row["event"],
        receipt=row["receipt"],
        state=State(row["state"]),
        generation=row["generation"],
        has_result=bool(row.get("result")),
    )
