"""Forgetting in time: what facts say, then the facts, past their type's remembrance and with every delivery done."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import anyio

from telemetry.core.canary import CANARY
from telemetry.core.clock import Clock
from telemetry.core.delivery import Signal
from telemetry.runtime.logs import get_logger
from telemetry.store.attempts import Attempts
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries, queues
from telemetry.store.events import Events
from telemetry.store.runs import Runs
from telemetry.watcher.metrics import WatchMetrics

log = get_logger(__name__)

PAGE = 50


class Memory:
    """Deletes what need not be remembered: the tombstones first, then the event that blocks the key.

    Where a type's payload ends before that, bodies and properties go first, and the rows stay without them.
    """

    def __init__(
        self,
        connection: Connection,
        clock: Clock,
        remember: Mapping[str, timedelta],
        metrics: WatchMetrics,
        every: float,
        payload: Mapping[str, timedelta] | None = None,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._remember = remember
        self._metrics = metrics
        self._every = every
        self._payload = payload or {}

    async def run(self) -> None:
        """Forget, and again every so often, until cancelled."""
        while self._remember or self._payload:
            for event_type, remembered in self._remember.items():
                if forgotten := await self.forget(event_type, remembered):
                    log.info("events.forgotten", type=event_type, events=forgotten)
            for event_type, kept in self._payload.items():
                if scrubbed := await self.scrub(event_type, kept):
                    log.info("events.scrubbed", type=event_type, events=scrubbed)
            await anyio.sleep(self._every)

    async def forget(self, event_type: str, remembered: timedelta) -> int:
        """Forget one type's old facts; answer how many there were. Unfinished deliveries keep their event."""
        events, after, forgotten = Events(self._connection), "", 0
        before = self._clock.now() - remembered
        while keys := await events.past(event_type, before, after, PAGE):
            after = keys[-1]
            if event_type == CANARY:
                await self._leave_out(keys)
            forgotten += await self._forget(events, keys, before)
        return forgotten

    async def _leave_out(self, keys: Sequence[str]) -> None:
        """Leave out what canaries have not come to by now: nobody waits for it, and nobody need put it right."""
        for queue in await queues(self._connection):
            rows = [row for key in keys for row in await queue.of_event(key)]
            members = [(row.id, row.generation) for row in rows]
            await queue.settle(members, Signal.SKIP, reason="a canary that did not arrive in time")

    async def scrub(self, event_type: str, kept: timedelta) -> int:
        """Remove what one type's old facts say; answer of how many. Unfinished deliveries keep their event's."""
        events, after, scrubbed = Events(self._connection), "", 0
        before = self._clock.now() - kept
        while keys := await events.past(event_type, before, after, PAGE, payload=True):
            after = keys[-1]
            scrubbed += await self._scrub(events, keys, before)
        return scrubbed

    async def _scrub(self, events: Events, keys: list[str], before: datetime) -> int:
        rows = await queues(self._connection)
        unfinished = {key for queue in rows for key in await queue.unfinished(keys)}
        done = [key for key in keys if key not in unfinished]
        if not done:
            return 0
        # The event last: until then it is found again. What was replayed meanwhile keeps it for the next time.
        kept = {key for queue in rows for key in await queue.scrub(done)}
        gone = [key for key in done if key not in kept]
        if not gone:
            return 0
        await Runs(self._connection).scrub(gone)
        scrubbed = await events.scrub(gone, before)
        self._metrics.scrubbed.inc(scrubbed)
        return scrubbed

    async def _forget(self, events: Events, keys: list[str], before: datetime) -> int:
        rows = await queues(self._connection)
        kept = {key for queue in rows for key in await queue.unfinished(keys)}
        kept |= await self._of_unfinished(events, rows, keys)
        gone = [key for key in keys if key not in kept]
        if gone:
            # Tombstones first: an event deleted before them would come back and find its offers taken.
            gone = await events.begin_forgetting(gone, before)
        if gone:
            for queue in rows:
                await queue.forget(gone)
            await Attempts(self._connection).forget(gone)
            await Runs(self._connection).forget(gone)
            await events.forget(gone)
        self._metrics.forgotten.inc(len(gone))
        return len(gone)

    async def _of_unfinished(self, events: Events, rows: Sequence[Deliveries], keys: list[str]) -> set[str]:
        """Say which events were made by a delivery that may make them again: they must be found then."""
        origins = {event.key: event.origin or {} for event in await events.fetch(keys)}
        made = {key: str(origin["event"]) for key, origin in origins.items() if "handler" in origin}
        if not made:
            return set()
        makers = sorted(set(made.values()))
        unfinished = {maker for queue in rows for maker in await queue.unfinished(makers)}
        return {key for key, maker in made.items() if maker in unfinished}
