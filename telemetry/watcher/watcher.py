"""The watcher at work: open the stream, then sweep, then follow; sweep again on a timer and on any trouble."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any, Protocol

import anyio

from telemetry.core.clock import Clock
from telemetry.core.event import Event
from telemetry.runtime.logs import get_logger
from telemetry.watcher.dispatch import Dispatcher
from telemetry.watcher.metrics import WatchMetrics
from telemetry.watcher.sweep import Sweep

log = get_logger(__name__)

# More hints than this are not kept: the sweep finds what they told of.
MOST_HINTS = 5000


class EventReader(Protocol):
    """Reads events by key."""

    async def fetch(self, keys: Sequence[str]) -> Sequence[Event]:
        """Read the events that exist among the given keys."""


OpenFeed = Callable[[], AbstractAsyncContextManager[AsyncIterator[Any]]]


class Watcher:
    """Brings every owed event to the consumers that lack it."""

    def __init__(
        self,
        events: EventReader,
        feed: OpenFeed,
        dispatcher: Dispatcher,
        sweep: Sweep,
        clock: Clock,
        metrics: WatchMetrics,
        *,
        batch: int,
        sweep_every: float,
        full_sweep_every: float,
    ) -> None:
        self._events = events
        self._feed = feed
        self._dispatcher = dispatcher
        self._sweep = sweep
        self._clock = clock
        self._metrics = metrics
        self._batch = batch
        self._sweep_every = sweep_every
        self._full_sweep_every = full_sweep_every
        self._hints: dict[str, None] = {}
        self._overflowed = False
        self._woken = anyio.Event()

    async def run(self) -> None:
        """Watch until cancelled; raise UnavailableError when the stream or the database breaks."""
        self._hints.clear()
        async with self._feed() as hints, anyio.create_task_group() as group:
            group.start_soon(self._listen, hints, name="change stream")
            await self._work()

    async def _listen(self, hints: AsyncIterator[Any]) -> None:
        async for key in hints:
            self._metrics.hints.inc()
            if len(self._hints) < MOST_HINTS:
                self._hints[key] = None
            else:
                self._overflowed = True
            self._woken.set()

    async def _work(self) -> None:
        next_sweep = self._clock.monotonic()
        progress = self._sweep.progress
        while True:
            now = self._clock.monotonic()
            if now >= next_sweep or self._overflowed:
                full = now >= progress.next_full
                await self._sweep_once(full=full)
                progress.next_full = now + self._full_sweep_every if full else progress.next_full
                next_sweep = self._clock.monotonic() + self._sweep_every
            await self._follow_hints()
            next_sweep = min([next_sweep, *(party.rests_until for party in self._dispatcher.resting())])
            with anyio.move_on_after(next_sweep - self._clock.monotonic()):
                await self._woken.wait()

    async def _sweep_once(self, *, full: bool) -> None:
        if self._overflowed:
            self._overflowed = False
            self._hints.clear()
        names = {party.name for party in await self._dispatcher.available()}
        if not names:
            return
        until = self._clock.now() + timedelta(milliseconds=1)
        failed: set[str] = set()
        async for page in self._sweep.pages(names, until, full=full):
            self._metrics.swept.labels("full" if full else "timer").inc(len(page))
            failed |= await self._serve(page)
            await self._follow_hints()
        for name in names - failed:
            self._sweep.served(name, until)

    async def _follow_hints(self) -> None:
        self._woken = anyio.Event()
        while self._hints:
            keys = list(self._hints)[: self._batch]
            for key in keys:
                del self._hints[key]
            await self._serve(await self._events.fetch(keys))

    async def _serve(self, events: Sequence[Event]) -> set[str]:
        await self._dispatcher.dispatch(events)
        failed = {party.name for party in self._dispatcher.resting()}
        since = min((event.due_at for event in events if event.due_at), default=None)
        for name in failed:
            if since is not None:
                self._sweep.failed(name, since)
        return failed
