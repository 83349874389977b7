"""Group commit: requests that come while a write is under way share the next one.

Each request is answered for its own events only, and only after the write. A lone request waits for nobody.
A request that gives up waiting takes nothing back: what is being written is written.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol

import anyio

from telemetry.core.clock import Clock
from telemetry.core.errors import UnavailableError
from telemetry.core.event import Event
from telemetry.ingest.accept import Result, accepted
from telemetry.ingest.metrics import IngestMetrics
from telemetry.ingest.policies import InForce
from telemetry.ingest.refusal import Refusal, busy
from telemetry.ingest.repeat import judge, revises
from telemetry.ingest.waiting import Waiting
from telemetry.runtime.logs import get_logger

log = get_logger(__name__)

RETRY_PAUSE = 0.1
# A row that is not committed yet is no sign of trouble; a write that fails for this long is.
TROUBLE_SECONDS = 1.0


class EventRows(Protocol):
    """Where events are stored."""

    async def insert(self, events: Sequence[Event]) -> dict[str, Event]:
        """Store events with distinct keys; answer with the rows that already held some of the keys."""


class KeysInForce(Protocol):
    """Which policies hold."""

    async def confirm(self, keyed: InForce) -> None:
        """Raise Refusal unless the policies by which events were keyed are in force still."""


# Puts an event in the place of a lower revision that is not told yet; answers with what stands then.
Revise = Callable[[Event], Awaitable[Event]]


class GroupCommit:
    """Writes what requests bring, one group at a time."""

    def __init__(
        self,
        rows: EventRows,
        revise: Revise,
        policies: KeysInForce,
        clock: Clock,
        metrics: IngestMetrics,
        health: Callable[[str | None], None],
        *,
        most: int,
        room: int,
    ) -> None:
        self._rows = rows
        self._revise = revise
        self._policies = policies
        self._clock = clock
        self._metrics = metrics
        self._health = health
        self._most = most
        self._room = room
        self._queue: deque[Waiting] = deque()
        self._queued = 0
        self._filled = anyio.Event()
        self._closed = False

    async def submit(self, events: Sequence[Event], keyed: InForce) -> Sequence[Result]:
        """Store events; answer when it is done. Raise Refusal when full, or when it cannot be done."""
        if self._closed:
            raise busy("ingest waits for the database")
        # A request that is larger than the queue still gets its turn when nobody else waits.
        if self._queued and self._queued + len(events) > self._room:
            raise busy("ingest is full")
        waiting = Waiting(events, keyed)
        self._queue.append(waiting)
        self._count(len(events))
        self._filled.set()
        try:
            await waiting.answered.wait()
        finally:
            waiting.gone = True
        if waiting.refusal is not None:
            raise waiting.refusal
        return waiting.results

    async def run(self) -> None:
        """Write group after group until cancelled; whoever is not answered by then is told to send again."""
        group: list[Waiting] = []
        try:
            while True:
                await self._filled.wait()
                group = self._next_group()
                await self._commit(group)
                if not self._queue:
                    self._filled = anyio.Event()
        finally:
            self._closed = True
            for waiting in (*group, *self._queue):
                if not waiting.answered.is_set():
                    waiting.refuse(busy("ingest waits for the database"))

    def _next_group(self) -> list[Waiting]:
        group: list[Waiting] = []
        size = 0
        while self._queue and (not group or size + len(self._queue[0].events) <= self._most):
            waiting = self._queue.popleft()
            self._count(-len(waiting.events))
            if not waiting.gone:
                size += len(waiting.events)
                group.append(waiting)
        return group

    async def _commit(self, group: list[Waiting]) -> None:
        began = self._clock.monotonic()
        while any(not waiting.gone for waiting in group):
            try:
                group = await self._keyed_still(group)
                if group:
                    await self._write(group)
            except UnavailableError as error:
                if self._clock.monotonic() - began > TROUBLE_SECONDS:
                    self._health(str(error))
                await anyio.sleep(RETRY_PAUSE)
            except Exception as error:
                log.exception("ingest.write_failed", requests=len(group))
                await self._commit_apart(group, error)
                return
            else:
                return

    async def _keyed_still(self, group: list[Waiting]) -> list[Waiting]:
        kept = []
        for waiting in group:
            try:
                await self._policies.confirm(waiting.keyed)
            except Refusal as refusal:
                waiting.refuse(refusal)
            else:
                kept.append(waiting)
        return kept

    async def _write(self, group: list[Waiting]) -> None:
        firsts: dict[str, Event] = {}
        for waiting in group:
            for event in waiting.events:
                firsts.setdefault(event.key, event)
        self._metrics.group_size.observe(len(firsts))
        stored = await self._rows.insert(list(firsts.values()))
        self._health(None)
        standing = firsts | stored
        for waiting in group:
            waiting.answer([await self._result(event, standing) for event in waiting.events])

    async def _result(self, event: Event, standing: dict[str, Event]) -> Result:
        """Say what an event came to; where it revises the one that stands, it stands from then on."""
        first = standing[event.key]
        if first is event:
            return accepted(event)
        if revises(first, event):
            # Stored under an older key policy, it stays under the key that it has.
            revision = replace(event, key=first.key)
            standing[event.key] = stands = await self._revise(revision)
            if stands is revision:
                return accepted(revision)
            first = stands
        return judge(first, event)

    async def _commit_apart(self, group: list[Waiting], error: Exception) -> None:
        # Something in the group is refused for good: it is not the other requests' fault.
        if len(group) == 1:
            group[0].refuse(Refusal(500, f"could not be stored: {type(error).__name__}"))
            return
        for waiting in group:
            await self._commit([waiting])

    def _count(self, change: int) -> None:
        self._queued += change
        self._metrics.queued.set(self._queued)
