"""One row a destination of a courier: which process serves it, and until when it is left alone."""

from dataclasses import dataclass
from datetime import datetime

from telemetry.store.client import Connection
from telemetry.store.commands import patiently, read
from telemetry.store.documents import read_as
from telemetry.store.leases import Lease, Leases


@dataclass(frozen=True, slots=True)
class Shut:
    """Why a destination is left alone for now."""

    until: datetime
    reason: str


class Lanes:
    """The `lanes` collection; a lane is `<consumer>|<destination>`."""

    def __init__(self, connection: Connection, consumer: str) -> None:
        self._connection = connection
        self._consumer = consumer
        self._leases = Leases(connection, "lanes")
        self._rows = connection["lanes"]

    async def acquire(self, destination: str, holder: str, seconds: float) -> Lease | None:
        """Take a free or lapsed lane, or renew one's own; None while another serves it."""
        return await self._leases.acquire(self._name(destination), holder, seconds)

    async def read(self, destination: str) -> Lease | None:
        """Say who serves or last served a lane."""
        return await self._leases.read(self._name(destination))

    async def release(self, holder: str) -> None:
        """Let go of every lane held, so that a successor need not wait."""
        change = {"$set": {"until": self._connection.clock.now()}}
        await patiently(self._rows.update_many, {"holder": holder}, change)

    async def note(self, destination: str, shut: Shut | None) -> None:
        """Note until when a destination is left alone, for whoever serves it next and for those who ask."""
        change = {"$set": {"shut": {"until": shut.until, "reason": shut.reason}}} if shut else {"$unset": {"shut": ""}}
        await patiently(self._rows.update_one, {"_id": self._name(destination)}, change)

    async def shut_of(self, destination: str) -> Shut | None:
        """Say why a destination is left alone, if it is."""
        row = await patiently(self._rows.find_one, {"_id": self._name(destination)})
        return read_as(Shut, row["shut"]) if row and "shut" in row else None

    async def shut(self) -> dict[str, Shut]:
        """Read which destinations are left alone, or have been until they are tried again."""
        begins = self._name("")
        query = {"_id": {"$gte": begins, "$lt": f"{self._consumer}}}"}, "shut": {"$exists": True}}
        rows = await read(self._rows, query)
        return {row["_id"].removeprefix(begins): read_as(Shut, row["shut"]) for row in rows}

    def _name(self, destination: str) -> str:
        return f"{self._consumer}|{destination}"
