"""Who is owed events, for all processes at once."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from telemetry.core.pause import Pause
from telemetry.store.client import Connection
from telemetry.store.commands import Row, Session, ensure, patiently, read

COLLECTION = "consumers"


@dataclass(frozen=True, slots=True)
class Registered:
    """One row of the `consumers` collection."""

    name: str
    since: datetime
    paused: bool
    pause: Pause | None = None


class Registry:
    """The `consumers` collection."""

    def __init__(self, connection: Connection, session: Session | None = None) -> None:
        self._connection = connection
        self._session = session
        self._rows = connection[COLLECTION]

    async def register(self, name: str) -> None:
        """Owe events to a consumer from now on; one that is registered stays as it is."""
        fresh = {"since": self._connection.clock.now(), "paused": False}
        await ensure(self._rows, name, fresh)

    async def read(self) -> dict[str, Registered]:
        """Read who is registered now, by name."""
        now = self._connection.clock.now()
        return {row["_id"]: _registered(row, now) for row in await read(self._rows, {}, session=self._session)}

    async def pause(self, name: str, pause: Pause) -> bool:
        """Offer a consumer nothing, and carry nothing of it; answer whether it is registered."""
        change = {"$set": {"paused": True, "pause": asdict(pause)}}
        return bool((await patiently(self._rows.update_one, {"_id": name}, change)).matched_count)

    async def resume(self, name: str) -> bool:
        """Let a consumer go on; answer whether it is registered."""
        change: Row = {"$set": {"paused": False}, "$unset": {"pause": ""}}
        return bool((await patiently(self._rows.update_one, {"_id": name}, change)).matched_count)

    async def remove(self, name: str) -> bool:
        """Write a consumer off: it is owed nothing any more; answer whether it was there."""
        result = await patiently(self._rows.delete_one, {"_id": name})
        return bool(result.deleted_count)


def pause_of(row: Mapping[str, Any]) -> Pause | None:
    """Read why a consumer is paused, whether that has ended by itself or not."""
    if not row.get("paused", False):
        return None
    told = row.get("pause")
    return pause_from(told) if told else Pause("an operator", row["since"])


def pause_from(row: Mapping[str, Any]) -> Pause:
    """Read a pause as it is stored."""
    return Pause(row["by"], row["at"], row["reason"], row["until"])


def _registered(row: Mapping[str, Any], now: datetime) -> Registered:
    pause = pause_of(row)
    pause = pause if pause and pause.holds(now) else None
    return Registered(row["_id"], row["since"], pause is not None, pause)
