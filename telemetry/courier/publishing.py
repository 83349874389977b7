"""Telling what follows from a completed delivery: stored on its row first, so that whoever comes next can."""

from dataclasses import replace

from telemetry.core.clock import Clock
from telemetry.core.errors import TellonceError, UnavailableError
from telemetry.core.event import Event
from telemetry.runtime.logs import get_logger
from telemetry.runtime.tracing import trace_made
from telemetry.store.commands import chunks
from telemetry.store.completions import Completion, Completions
from telemetry.store.events import Events

log = get_logger(__name__)

# A row may hold some megabytes of events.
ROWS_AT_ONCE, EVENTS_AT_ONCE = 10, 500


class Publishing:
    """Inserts the events that follow from a consumer's deliveries; one that is there already was told before."""

    def __init__(self, completions: Completions, events: Events, clock: Clock) -> None:
        self._completions = completions
        self._events = events
        self._clock = clock

    async def publish(self, completion: Completion) -> None:
        """Tell what follows from a delivery, then take it off its row."""
        for some in chunks(completion.emits, EVENTS_AT_ONCE):
            blocked = await self._events.insert([self._due(event) for event in some])
            trace_made("emit", some, blocked, self._clock.now())
        await self._completions.told(completion)

    async def publish_left(self) -> None:
        """Tell what is left of couriers that ended; raise UnavailableError without a database."""
        after = ""
        while left := await self._completions.left(after, ROWS_AT_ONCE):
            after = left[-1].work
            for completion in left:
                try:
                    await self.publish(completion)
                except UnavailableError:
                    raise
                except TellonceError as error:
                    log.warning("follow_ups.refused", delivery=completion.delivery, why=str(error))

    def _due(self, event: Event) -> Event:
        # A watcher looks for what is due from now on, and only now and then for what was due long ago.
        return replace(event, due_at=max(event.due_at or event.received_at, self._clock.now()))
