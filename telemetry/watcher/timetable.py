"""Telling what schedules say, when they say it: sleep until the next occurrence, or until a schedule changes.

First an occurrence is written down as decided, in its schedule's row; then its event is stored; then the note is taken
away. Whoever comes after a crash stores the event of each note again, and finds it stored. So it does not matter how
many do this at once, nor who.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from math import inf

import anyio

from telemetry.core.clock import Clock, milliseconds
from telemetry.core.due import GRACE, Due, due
from telemetry.core.errors import UnavailableError
from telemetry.core.schedule import Firing, Schedule, events_of
from telemetry.runtime.logs import get_logger
from telemetry.runtime.tracing import trace_made
from telemetry.store.events import Events
from telemetry.store.schedules import Schedules
from telemetry.watcher.metrics import WatchMetrics

log = get_logger(__name__)

# A schedule that fails is left alone for so long.
REST = 60.0


@dataclass
class Page:
    """A schedule as this process knows it."""

    schedule: Schedule
    upcoming: datetime | None
    rests_until: float = -inf  # monotonic


class Timetable:
    """Tells the occurrences of all schedules."""

    name = "timetable"

    def __init__(
        self, schedules: Schedules, events: Events, clock: Clock, metrics: WatchMetrics, read_every: float
    ) -> None:
        self._schedules = schedules
        self._events = events
        self._clock = clock
        self._metrics = metrics
        self._read_every = read_every
        self._pages: dict[str, Page] = {}
        self._unreadable: dict[str, str] = {}
        self._changed = anyio.Event()

    def changed(self) -> None:
        """Read the schedules anew: one has changed."""
        self._changed.set()

    async def run(self) -> None:
        """Tell what comes due, until cancelled; raise UnavailableError when the database is away."""
        while True:
            self._changed = anyio.Event()
            await self.read()
            read_again = self._clock.monotonic() + self._read_every
            while not self._changed.is_set() and (left := read_again - self._clock.monotonic()) > 0:
                quiet = await self.round()
                with anyio.move_on_after(min(quiet, left)):
                    await self._changed.wait()

    async def read(self) -> None:
        """Learn what there is now."""
        found = await self._schedules.all()
        for name, why in found.unreadable.items():
            if self._unreadable.get(name) != why:
                log.error("schedule.unreadable", schedule=name, why=why)
        self._unreadable = dict(found.unreadable)
        self._pages = {name: self._page(known) for name, known in found.schedules.items()}

    async def round(self) -> float:
        """Tell what is due, some of each schedule; answer for how many seconds nothing will be."""
        return min([await self._turn(page) for page in self._pages.values()], default=inf)

    def _page(self, known: Schedule) -> Page:
        before = self._pages.get(known.name)
        if before and (before.schedule.revision, before.schedule.cursor) == (known.revision, known.cursor):
            return Page(known, before.upcoming, before.rests_until)
        return Page(known, None if known.paused or known.removed else known.upcoming)

    async def _turn(self, page: Page) -> float:
        rest = page.rests_until - self._clock.monotonic()
        if rest > 0:
            return rest
        try:
            return await self._serve(page)
        except UnavailableError:
            raise
        except Exception:
            # What is wrong with one must not hold up the others.
            log.exception("schedule.failed", schedule=page.schedule.name)
            page.rests_until = self._clock.monotonic() + REST
            return REST

    async def _serve(self, page: Page) -> float:
        known = page.schedule
        for firing in known.firings:
            await self.tell(known.name, firing)
        page.schedule = known = replace(known, firings=())
        now = self._clock.now()
        if page.upcoming is None:
            return inf
        if page.upcoming > now:
            return (page.upcoming - now).total_seconds()
        decided = due(known.entry.timing, known.cursor, now, known.entry.missed)
        if decided is not None:
            await self._go_on(page, decided, now)
        return 0.0

    async def _go_on(self, page: Page, decided: Due, now: datetime) -> None:
        advanced = await self._schedules.advance(page.schedule, decided)
        if advanced is None:
            # Edited, paused, removed, or told by another: what is due now is another question.
            self.changed()
            return
        self._count(advanced.name, decided)
        _log_missed(advanced, decided, now)
        page.schedule, page.upcoming = advanced, advanced.upcoming

    def _count(self, name: str, decided: Due) -> None:
        self._metrics.occurrences.labels(name, "told").inc(len(decided.occurrences))
        if decided.left_out:
            self._metrics.occurrences.labels(name, "left out").inc(decided.left_out.count)

    async def tell(self, name: str, firing: Firing) -> None:
        """Store the events of a firing, and note that they are stored."""
        events = events_of(name, firing, milliseconds(self._clock.now()))
        blocked = await self._events.insert(events)
        trace_made("schedule", events, blocked, self._clock.now())
        for event in events:
            if event.key in blocked:
                log.warning("schedule.blocked", schedule=name, key=event.key, by=blocked[event.key].source)
            else:
                late = (event.received_at - event.time).total_seconds()
                log.info("schedule.fired", schedule=name, key=event.key, late_s=round(late, 1))
        await self._schedules.told(name, firing)


def _log_missed(known: Schedule, decided: Due, now: datetime) -> None:
    late = sum(now - one > GRACE for one in decided.occurrences)
    if late or decided.left_out:
        left_out = str(decided.left_out or 0)
        log.warning("schedule.missed", schedule=known.name, policy=known.entry.missed, told=late, left_out=left_out)
