"""Who is owed events, for all processes at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from telemetry.store.client import Connection
from telemetry.store.commands import Session, ensure, patiently, read


@dataclass(frozen=True, slots=True)
class Registered:
    """One row of the `consumers` collection."""

    name: str
    since: datetime
    paused: bool


class Registry:
    """The `consumers` collection."""

    def __init__(self, connection: Connection, session: Session | None = None) -> None:
        self._connection = connection
        self._session = session
        self._rows = connection["consumers"]

    async def register(self, name: str) -> None:
        """Owe events to a consumer from now on; one that is registered stays as it is."""
        fresh = {"since": self._connection.clock.now(), "paused": False}
        await ensure(self._rows, name, fresh)

    async def read(self) -> dict[str, Registered]:
        """Read who is registered now, by name."""
        return {row["_id"]: _registered(row) for row in await read(self._rows, {}, session=self._session)}

    async def remove(self, name: str) -> bool:
        """Write a consumer off: it is owed nothing any more; answer whether it was there."""
        result = await patiently(self._rows.delete_one, {"_id": name})
        return bool(result.deleted_count)


def _registered(row: Mapping[str, Any]) -> Registered:
    return Registered(row["_id"], row["since"], row.get("paused", False))
