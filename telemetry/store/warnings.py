"""What ingest warns of: a row a kind and type, with a count and the latest sample."""

from datetime import datetime

from telemetry.core.warning import Kind, Warned
from telemetry.store.client import Connection
from telemetry.store.commands import Row, patiently, read, upsert

COLLECTION = "warnings"
# A write that is made again comes within so many of the others.
STAMPS = 16


class Warnings:
    """The `warnings` collection."""

    def __init__(self, connection: Connection) -> None:
        self._rows = connection[COLLECTION]

    async def all(self) -> list[Warned]:
        """Read every warning, newest first."""
        found = [_warned(row) for row in await read(self._rows, {})]
        return sorted(found, key=lambda warned: warned.last, reverse=True)

    async def ids(self) -> set[str]:
        """Name what is warned of."""
        return {row["_id"] for row in await read(self._rows, {}, fields={"_id": 1})}

    async def note(self, warned: Warned, stamp: str) -> None:
        """Add to what is warned of, once for each stamp."""
        guard: Row = {"_id": warned.id, "stamps": {"$ne": stamp}}
        change = {
            "$inc": {"count": warned.count},
            "$min": {"since": warned.since},
            "$max": {"last": warned.last},
            "$set": {"kind": warned.kind, "type": warned.type, "source": warned.source, "sample": warned.sample},
            "$push": {"stamps": {"$each": [stamp], "$slice": -STAMPS}},
        }
        await upsert(self._rows, guard, change)

    async def forget(self, before: datetime) -> int:
        """Forget what was last seen before a moment; answer how many rows that were."""
        return int((await patiently(self._rows.delete_many, {"last": {"$lt": before}})).deleted_count)


def _warned(row: Row) -> Warned:
    kept = {name: row[name] for name in ("type", "count", "since", "last", "source", "sample")}
    return Warned(kind=Kind(row["kind"]), **kept)
