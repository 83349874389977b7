"""The event rows, behind a look for what was erased: a forgotten person's fact is told to nobody again.

A fact's tombstone is there at least ten seconds before its row goes. So a write that begins right after the look either
finds the tombstone by it, or is blocked by the row.
"""

from collections.abc import Callable, Sequence

from telemetry.core.erasure import Secret
from telemetry.core.event import Event
from telemetry.store.client import Connection
from telemetry.store.erasures import Erasures
from telemetry.store.events import Events


class Unerased:
    """The `events` collection, as ingest writes it; it costs nothing more until somebody was forgotten."""

    def __init__(self, connection: Connection, rows: Events, secret: Callable[[], Secret | None]) -> None:
        self._connection = connection
        self._rows = rows
        self._secret = secret

    async def insert(self, events: Sequence[Event]) -> dict[str, Event]:
        """Store events with distinct keys but those that were erased; answer with what held some of the keys."""
        secret = self._secret()
        if secret is None:
            return await self._rows.insert(events)
        erased = await Erasures(self._connection, secret).known([event.key for event in events])
        fresh = [event for event in events if event.key not in erased]
        return erased | (await self._rows.insert(fresh) if fresh else {})
