"""What is paused: a consumer on its own row, a destination in a collection beside; and what a courier knows of it."""

from collections.abc import Collection, Mapping
from dataclasses import asdict

import anyio

from telemetry.core.pause import Pause
from telemetry.store.client import Connection
from telemetry.store.commands import patiently, read
from telemetry.store.registry import COLLECTION as CONSUMERS
from telemetry.store.registry import pause_from, pause_of

COLLECTION = "pauses"
# A change in either may pause something, or let it go on.
BESIDE = (CONSUMERS, COLLECTION)
# A stream may fall silent: what was asked so long ago is asked again, where there is something to carry.
KNOWN_FOR = 5.0


class Pauses:
    """The `pauses` collection: destinations to which nothing is sent for now."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = connection[COLLECTION]

    async def pause(self, destination: str, pause: Pause) -> None:
        """Send nothing to a destination; whatever was said of it before is replaced."""
        await patiently(self._rows.replace_one, {"_id": destination}, asdict(pause), upsert=True)

    async def resume(self, destination: str) -> None:
        """Send to a destination again."""
        await patiently(self._rows.delete_one, {"_id": destination})

    async def read(self) -> dict[str, Pause]:
        """Read the pauses that hold now, by destination."""
        now = self._connection.clock.now()
        found = {row["_id"]: pause_from(row) for row in await read(self._rows, {}, sort=(("_id", 1),))}
        return {destination: pause for destination, pause in found.items() if pause.holds(now)}


class Halts:
    """What is paused of one consumer and its destinations, as a process that carries for it knows.

    It is asked only where there is something to carry, and then once in a while: at rest it costs nothing.
    """

    def __init__(self, connection: Connection, consumer: str) -> None:
        self._connection = connection
        self._consumer = consumer
        self._whole: Pause | None = None
        self._destinations: Mapping[str, Pause] = {}
        self._read_at = float("-inf")  # monotonic
        self._asking = anyio.Lock()

    def changed(self) -> None:
        """Take note that something is paused, or goes on."""
        self._read_at = float("-inf")

    async def of(self, destination: str) -> Pause | None:
        """Say why nothing may be sent to a destination now, if so."""
        await self._refresh()
        now = self._connection.clock.now()
        pauses = (self._whole, self._destinations.get(destination))
        return next((pause for pause in pauses if pause is not None and pause.holds(now)), None)

    async def whole(self) -> Pause | None:
        """Say why the consumer itself is paused, if so."""
        await self._refresh()
        return self._whole if self._whole and self._whole.holds(self._connection.clock.now()) else None

    async def among(self, destinations: Collection[str]) -> set[str]:
        """Say to which of some destinations nothing may be sent now."""
        return {destination for destination in destinations if await self.of(destination)}

    async def _refresh(self) -> None:
        # Who asks while it is read waits for what is read.
        async with self._asking:
            asked = self._connection.clock.monotonic()
            if asked - self._read_at <= KNOWN_FOR:
                return
            # Noted before: what changes meanwhile is asked for again.
            self._read_at = asked
            try:
                rows = await read(self._connection[CONSUMERS], {"_id": self._consumer})
                destinations = await Pauses(self._connection).read()
            except BaseException:
                self.changed()
                raise
            self._whole, self._destinations = pause_of(rows[0]) if rows else None, destinations
