"""Canaries in the database: who may send some now, and where to; those that were sent; and what to liken them to."""

from collections.abc import Collection
from datetime import datetime
from hashlib import sha256

from telemetry.core.canary import CANARY
from telemetry.core.event import Event
from telemetry.store.client import Connection
from telemetry.store.commands import Row, chunks, ensure, patiently, read
from telemetry.store.documents import event_from, ids_of_type

COLLECTION = "canaries"


class Canaries:
    """The `canaries` collection: a row a ticket. Whoever can write it may send canaries, and nobody else."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = connection[COLLECTION]
        self._events = connection["events"]

    async def admit(self, ticket: str, to: str, until: datetime) -> None:
        """Let whoever shows a ticket send canaries to a destination until a moment."""
        await ensure(self._rows, _digest(ticket), {"to": to, "until": until})

    async def destinations(self, tickets: Collection[str]) -> dict[str, str]:
        """Say where those tickets lead that are good now."""
        names, found = {_digest(ticket): ticket for ticket in tickets}, dict[str, str]()
        for some in chunks(sorted(names), self._connection.chunk):
            query: Row = {"_id": {"$in": list(some)}, "until": {"$gt": self._connection.clock.now()}}
            found |= {names[row["_id"]]: row["to"] for row in await read(self._rows, query)}
        return found

    async def withdraw(self, ticket: str) -> None:
        """Let nobody use a ticket any more, nor any that is past."""
        past: Row = {"until": {"$lte": self._connection.clock.now()}}
        await patiently(self._rows.delete_many, {"$or": [{"_id": _digest(ticket)}, past]})

    async def sent(self, name: str) -> list[Event]:
        """Read the canaries that were sent under a name."""
        return [event_from(row) for row in await read(self._events, {"_id": ids_of_type(CANARY), "distinct_id": name})]

    async def latest(self, event_type: str) -> Event | None:
        """Read the fact of a type that was received last; this goes through all that there are."""
        query = {"_id": ids_of_type(event_type), "alias": {"$exists": False}}
        rows = await read(self._events, query, sort=(("received_at", -1),), limit=1)
        return event_from(rows[0]) if rows else None


def _digest(ticket: str) -> str:
    # A ticket is a secret for as long as it is good.
    return sha256(ticket.encode("utf-8", "surrogatepass")).hexdigest()
