"""Forgetting in time: facts past their type's remembrance whose every delivery is done."""

from collections.abc import Mapping
from datetime import timedelta

import anyio

from telemetry.core.clock import Clock
from telemetry.runtime.logs import get_logger
from telemetry.store.attempts import Attempts
from telemetry.store.client import Connection
from telemetry.store.deliveries import queues
from telemetry.store.events import Events
from telemetry.store.runs import Runs
from telemetry.watcher.metrics import WatchMetrics

log = get_logger(__name__)

PAGE = 50


class Memory:
    """Deletes what need not be remembered: the tombstones first, then the event that blocks the key."""

    def __init__(
        self,
        connection: Connection,
        clock: Clock,
        remember: Mapping[str, timedelta],
        metrics: WatchMetrics,
        every: float,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._remember = remember
        self._metrics = metrics
        self._every = every

    async def run(self) -> None:
        """Forget, and again every so often, until cancelled."""
        while self._remember:
            for event_type, remembered in self._remember.items():
                if forgotten := await self.forget(event_type, remembered):
                    log.info("events.forgotten", type=event_type, events=forgotten)
            await anyio.sleep(self._every)

    async def forget(self, event_type: str, remembered: timedelta) -> int:
        """Forget one type's old facts; answer how many there were. Unfinished deliveries keep their event."""
        events, after, forgotten = Events(self._connection), "", 0
        before = self._clock.now() - remembered
        while keys := await events.past(event_type, before, after, PAGE):
            after = keys[-1]
            forgotten += await self._forget(events, keys)
        return forgotten

    async def _forget(self, events: Events, keys: list[str]) -> int:
        rows = await queues(self._connection)
        kept = {key for queue in rows for key in await queue.unfinished(keys)}
        gone = [key for key in keys if key not in kept]
        if gone:
            # Tombstones first: an event deleted before them would come back and find its offers taken.
            await events.begin_forgetting(gone)
            for queue in rows:
                await queue.forget(gone)
            await Attempts(self._connection).forget(gone)
            await Runs(self._connection).forget(gone)
            await events.forget(gone)
        self._metrics.forgotten.inc(len(gone))
        return len(gone)
