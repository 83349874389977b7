"""Who may submit: sources with the hashes of their secrets, added and changed while everything runs."""

from datetime import datetime, timedelta

from telemetry.core.rate import Rate
from telemetry.core.source import Digest, Source
from telemetry.store.client import Connection
from telemetry.store.commands import Row, patiently, read, upsert
from telemetry.store.keyring import add, rotate

COLLECTION = "sources"


class Sources:
    """The `sources` collection. A revoked one keeps its row: its name scopes keys, and ingest stays closed.

    A row that was never added is a source of the environment's, of which only the use is noted.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = connection[COLLECTION]

    async def all(self) -> dict[str, Source]:
        """Read every source, by name."""
        return {row["_id"]: _source(row) for row in await read(self._rows, {}, sort=(("_id", 1),))}

    async def add(self, name: str, digest: str, rate: Rate | None) -> bool:
        """Add a source with one secret, or give a revoked one a new start; no, where one of that name is in use."""
        body: Row = {"added_at": self._connection.clock.now(), "rate": str(rate) if rate else None}
        return await add(self._rows, name, body, {"digest": digest}, gone="revoked_at")

    async def rotate(self, name: str, digest: str, overlap: timedelta) -> bool:
        """Give a source a new secret; those before it are taken for a while yet. No, where there is none."""
        return await rotate(self._rows, name, {"digest": digest}, overlap, self._connection.clock)

    async def limit(self, name: str, rate: Rate | None) -> bool:
        """Hold a source to another rate, or to none; answer whether there is such a source."""
        guard: Row = {"_id": name, "secrets": {"$exists": True}}
        change = {"$set": {"rate": str(rate) if rate else None}}
        return bool((await patiently(self._rows.update_one, guard, change)).matched_count)

    async def revoke(self, name: str) -> bool:
        """Take no secret of a source any more; answer whether it had one."""
        guard: Row = {"_id": name, "secrets": {"$exists": True}}
        change = {"$unset": {"secrets": ""}, "$set": {"revoked_at": self._connection.clock.now()}}
        result = await patiently(self._rows.update_one, guard, change)
        return bool(result.modified_count)

    async def used(self, name: str, at: datetime) -> None:
        """Note when a source was used last; an earlier use changes nothing."""
        # Where another ingest makes the row at this moment, its note is as good.
        await upsert(self._rows, {"_id": name}, {"$max": {"last_used": at}})


def _source(row: Row) -> Source:
    return Source(
        name=row["_id"],
        digests=[Digest(secret["digest"], secret.get("until")) for secret in row.get("secrets", [])],
        rate=Rate.parse(row["rate"]) if row.get("rate") else None,
        added_at=row.get("added_at"),
        revoked_at=row.get("revoked_at"),
        last_used=row.get("last_used"),
    )
