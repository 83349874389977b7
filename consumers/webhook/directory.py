"""All endpoints as they are now: the file's and those that were added, read again when that is a while ago."""

from collections.abc import Mapping

from consumers.webhook.endpoint import Endpoint, merged
from telemetry.core.clock import Clock
from telemetry.store.endpoints import Endpoints

# What was changed is known everywhere within five seconds; one is for the reading.
KNOWN_FOR = 4.0


class Directory:
    """Finds endpoints."""

    def __init__(self, file: Mapping[str, Endpoint], rows: Endpoints, clock: Clock) -> None:
        self._file = file
        self._rows = rows
        self._clock = clock
        self._known: Mapping[str, Endpoint] = {}
        self._read_at = float("-inf")

    async def all(self) -> Mapping[str, Endpoint]:
        """Give the endpoints, by name; raise UnavailableError when they must be read and cannot."""
        now = self._clock.monotonic()
        if now - self._read_at > KNOWN_FOR:
            self._known = merged(self._file, await self._rows.all())
            self._read_at = now
        return self._known

    def forget(self) -> None:
        """Read them anew when next asked: something has changed."""
        self._read_at = float("-inf")
