"""When each source was used last: written at most once a minute by each process."""

from datetime import datetime

from telemetry.core.clock import Clock
from telemetry.ingest.aside import Aside
from telemetry.store.sources import Sources

EVERY = 60.0


class Usage:
    """Notes the use of sources, beside the requests."""

    def __init__(self, rows: Sources, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock
        self._used: dict[str, datetime] = {}
        self._aside = Aside(self._write, rest=EVERY)

    def note(self, source: str) -> None:
        """Note that a source was used now."""
        self._used[source] = self._clock.now()
        self._aside.want()

    async def run(self) -> None:
        """Write until cancelled, and once more."""
        await self._aside.run()

    async def _write(self) -> None:
        for name, at in list(self._used.items()):
            await self._rows.used(name, at)
            # It may have been used again in the meantime.
            if self._used[name] == at:
                del self._used[name]
