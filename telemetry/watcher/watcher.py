"""The watcher at work: open the stream, then sweep, then follow; sweep again on a timer and on any trouble."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import anyio

from telemetry.core.clock import CLOCK_ERROR, Clock
from telemetry.core.event import Event
from telemetry.runtime.logs import get_logger
from telemetry.store.feed import Hint, OpenFeed
from telemetry.watcher.dispatch import Dispatcher
from telemetry.watcher.metrics import WatchMetrics
from telemetry.watcher.party import Standing
from telemetry.watcher.soon import Soon
from telemetry.watcher.sweep import Sweep

log = get_logger(__name__)

# More hints than this are not kept: the sweep finds what they told of.
MOST_HINTS = 5000


class EventReader(Protocol):
    """Reads events by key."""

    async def fetch(self, keys: Sequence[str]) -> Sequence[Event]:
        """Read the events that exist among the given keys."""


@dataclass(frozen=True)
class Lane:
    """A reader and a dispatcher with a session of their own: hints never wait behind a sweep."""

    events: EventReader
    dispatcher: Dispatcher


class Watcher:
    """Brings every owed event to the consumers that lack it."""

    def __init__(
        self,
        feed: OpenFeed,
        quick: Lane,
        thorough: Lane,
        sweep: Sweep,
        clock: Clock,
        metrics: WatchMetrics,
        *,
        batch: int,
        sweep_every: float,
        full_sweep_every: float,
        beside: Mapping[str, Callable[[], None]] | None = None,
    ) -> None:
        self._feed = feed
        self._quick = quick
        self._thorough = thorough
        self._sweep = sweep
        self._clock = clock
        self._metrics = metrics
        self._batch = batch
        self._sweep_every = sweep_every
        self._full_sweep_every = full_sweep_every
        self._ahead = timedelta(seconds=sweep_every)
        self._beside = beside or {}  # by collection: whom to tell that it has changed
        self._hints: dict[str, None] = {}
        self._woken = anyio.Event()
        self._roused = anyio.Event()
        # One offers at a time, or what came later could be queued first.
        self._offering = anyio.Lock()
        self._caught_up = anyio.Event()
        self._soon = Soon()

    async def run(self) -> None:
        """Watch until cancelled; raise UnavailableError when the stream or the database breaks."""
        self._caught_up = anyio.Event()
        async with self._feed() as hints, anyio.create_task_group() as group:
            group.start_soon(self._listen, hints, name="change stream")
            group.start_soon(self._follow, name="hints")
            await self._keep_sweeping()

    async def _listen(self, hints: AsyncIterator[Hint]) -> None:
        # What changed before the stream was open is told by nobody else.
        for tell in self._beside.values():
            tell()
        async for collection, key, _ in hints:
            if collection in self._beside:
                self._beside[collection]()
                continue
            self._metrics.hints.inc()
            self._hint(key)

    def _hint(self, key: str) -> None:
        if len(self._hints) < MOST_HINTS:
            self._hints[key] = None
            self._woken.set()
        else:
            self._hints.clear()
            self._caught_up = anyio.Event()
            self._roused.set()

    async def _follow(self) -> None:
        while True:
            with anyio.move_on_after(self._soon.pause(self._clock.now())):
                await self._woken.wait()
            self._woken = anyio.Event()
            while self._hints or not self._soon.pause(self._clock.now()):
                # What is older than the hints comes first: a start or a flood is swept up before they are followed.
                await self._caught_up.wait()
                async with self._offering:
                    behind = self._behind()
                    await self._serve(self._quick, await self._quick.events.fetch(self._take()), hinted=True)
                    if self._behind() - behind:
                        # When it may be tried again, only who sweeps knows to wait for.
                        self._roused.set()

    def _take(self) -> list[str]:
        """Take what has fallen due, then what was hinted at: so much as is offered together."""
        due = self._soon.take(self._clock.now(), self._batch)
        hinted = list(self._hints)[: self._batch - len(due)]
        for key in hinted:
            del self._hints[key]
        return list(dict.fromkeys(due + hinted))

    async def _keep_sweeping(self) -> None:
        progress = self._sweep.progress
        while True:
            self._roused = anyio.Event()
            now = self._clock.monotonic()
            full = now >= progress.next_full
            behind = self._caught_up
            await self._sweep_once(full=full)
            behind.set()
            progress.next_full = now + self._full_sweep_every if full else progress.next_full
            again = [self._clock.monotonic() + self._sweep_every]
            again += [party.rests_until for party in self._thorough.dispatcher.resting()]
            with anyio.move_on_after(min(again) - self._clock.monotonic()):
                await self._roused.wait()

    async def _sweep_once(self, *, full: bool) -> None:
        names = {party.name for party in await self._thorough.dispatcher.begin_sweep()}
        if not names:
            return
        # On past this clock's time, for what was dated by one that is ahead, and for what is due before the next.
        until = self._clock.now() + CLOCK_ERROR
        lacking: set[str] = set()
        async for page in self._sweep.pages(names, until + self._ahead, full=full):
            self._metrics.swept.labels("full" if full else "timer").inc(len(page))
            async with self._offering:
                lacking |= await self._serve_page(page)
        for name in names - lacking:
            self._sweep.served(name, until)
        await self._catch_up()

    async def _catch_up(self) -> None:
        """Offer what came after the sweep had passed it, while hints were followed without a consumer; then with it."""
        async with self._offering:
            if names := {party.name for party in self._thorough.dispatcher.end_sweep()}:
                until = self._clock.now() + CLOCK_ERROR + self._ahead
                async for page in self._sweep.pages(names, until, full=False):
                    await self._serve_page(page)

    async def _serve_page(self, page: Sequence[Event]) -> set[str]:
        """Offer what a sweep found next, and in its place what earlier pages had too soon and is due by now."""
        last = max((event.due_at for event in page if event.due_at), default=self._clock.now())
        due = self._soon.take(min(last, self._clock.now()), self._batch)
        passed = await self._thorough.events.fetch(due) if due else ()
        return await self._serve(self._thorough, list({event.key: event for event in (*page, *passed)}.values()))

    def _behind(self) -> set[str]:
        return {party.name for party in self._quick.dispatcher.parties if party.standing is Standing.BEHIND}

    async def _serve(self, lane: Lane, events: Sequence[Event], *, hinted: bool = False) -> set[str]:
        if later := await lane.dispatcher.dispatch(events, hinted=hinted):
            self._soon.note(later, self._clock.now() + self._ahead)
            self._woken.set()
        failed = {party.name for party in lane.dispatcher.resting()}
        since = min((event.due_at for event in events if event.due_at), default=None)
        for name in failed:
            if since is not None:
                self._sweep.failed(name, since)
        # What is not acked yet is found by the next sweep: a process that ends now has only begun with it.
        for name, due in lane.dispatcher.handed_over.items():
            self._sweep.failed(name, due)
        # What was paused after its sweep began was not served by it.
        return failed | lane.dispatcher.handed_over.keys() | {*lane.dispatcher.paused}
