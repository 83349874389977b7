"""Who is told by webhook: endpoints that were added at run time, and which endpoints are switched off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from telemetry.store.client import Connection
from telemetry.store.commands import Row, patiently, read, upsert
from telemetry.store.documents import read_as
from telemetry.store.keyring import add, rotate

COLLECTION = "endpoints"


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A signing secret, and until when it is in use; None: until it is rotated."""

    value: str = field(repr=False)
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Disabled:
    """Why and since when an endpoint is switched off."""

    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StoredEndpoint:
    """A row: an endpoint with all that it was added with, or only the switch of one that a file names.

    A removed one is kept without its secrets: what was received before is still meant for it.
    """

    name: str
    told: Mapping[str, Any] | None
    secrets: Sequence[StoredSecret]
    disabled: Disabled | None
    added_at: datetime | None = None
    removed_at: datetime | None = None


class Endpoints:
    """The `endpoints` collection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = connection[COLLECTION]

    async def all(self) -> dict[str, StoredEndpoint]:
        """Read every row, by name."""
        return {row["_id"]: _endpoint(row) for row in await read(self._rows, {}, sort=(("_id", 1),))}

    async def add(self, name: str, told: Mapping[str, Any], secret: str) -> bool:
        """Add an endpoint; no, where one of that name was added before."""
        body = {"told": dict(told), "added_at": self._connection.clock.now()}
        return await add(self._rows, name, body, {"value": secret}, gone="removed_at")

    async def remove(self, name: str) -> bool:
        """Remove an endpoint that was added; answer whether it was there."""
        change = {
            "$set": {"removed_at": self._connection.clock.now()},
            "$unset": {"secrets": "", "disabled": ""},
        }
        result = await patiently(self._rows.update_one, {"_id": name, "secrets": {"$exists": True}}, change)
        return bool(result.modified_count)

    async def disable(self, name: str, reason: str) -> None:
        """Switch an endpoint off; one that is off keeps its reason."""
        off = {"disabled": {"reason": reason, "at": self._connection.clock.now()}}
        guard: Row = {"_id": name, "disabled": {"$exists": False}}
        await upsert(self._rows, guard, {"$set": off})

    async def enable(self, name: str) -> bool:
        """Switch an endpoint on; answer whether it was off."""
        guard: Row = {"_id": name, "disabled": {"$exists": True}}
        result = await patiently(self._rows.update_one, guard, {"$unset": {"disabled": ""}})
        return bool(result.modified_count)

    async def rotate(self, name: str, secret: str, overlap: timedelta) -> bool:
        """Give an endpoint a new secret; those before it stay in use for a while. No, where there is none."""
        return await rotate(self._rows, name, {"value": secret}, overlap, self._connection.clock)


def _endpoint(row: Row) -> StoredEndpoint:
    return StoredEndpoint(
        name=row["_id"],
        told=row.get("told"),
        secrets=[StoredSecret(secret["value"], secret.get("until")) for secret in row.get("secrets", [])],
        disabled=read_as(Disabled, row["disabled"]) if "disabled" in row else None,
        added_at=row.get("added_at"),
        removed_at=row.get("removed_at"),
    )
