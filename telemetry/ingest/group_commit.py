"""Group commit: requests that come while a write is under way share the next one.

Each request is answered for its own events only, and only after the write. A lone request waits for nobody.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import anyio

from telemetry.core.clock import Clock
from telemetry.core.errors import TellonceError, UnavailableError
from telemetry.core.event import Event
from telemetry.ingest.accept import Result, judge
from telemetry.ingest.metrics import IngestMetrics
from telemetry.ingest.refusal import Refusal, busy

# An event keyed longer ago than this may have a key that is no longer in force.
KEYED_SECONDS = 10.0
RETRY_PAUSE = 0.1


class EventRows(Protocol):
    """Where events are stored."""

    async def insert(self, events: Sequence[Event]) -> dict[str, Event]:
        """Store events with distinct keys; answer with the rows that already held some of the keys."""


@dataclass
class Waiting:
    """A request whose events wait for a write."""

    events: Sequence[Event]
    keyed_at: float  # monotonic
    deadline: float  # monotonic
    answered: anyio.Event = field(default_factory=anyio.Event)
    results: Sequence[Result] = ()
    refusal: Refusal | None = None

    def answer(self, results: Sequence[Result]) -> None:
        """Say what became of the events."""
        self.results = results
        self.answered.set()

    def refuse(self, refusal: Refusal) -> None:
        """Say nothing about any of them."""
        self.refusal = refusal
        self.answered.set()


class GroupCommit:
    """Writes what requests bring, one group at a time."""

    def __init__(
        self,
        rows: EventRows,
        clock: Clock,
        metrics: IngestMetrics,
        token: Callable[[], str],
        health: Callable[[str | None], None],
        *,
        most: int,
        room: int,
        patience: float,
    ) -> None:
        self._rows = rows
        self._clock = clock
        self._metrics = metrics
        self._token = token
        self._health = health
        self._most = most
        self._room = room
        self._patience = patience
        self._queue: deque[Waiting] = deque()
        self._queued = 0
        self._filled = anyio.Event()
        self._closed = False

    async def submit(self, events: Sequence[Event], keyed_at: float) -> Sequence[Result]:
        """Store events; answer when it is done. Raise Refusal when full, or when it cannot be done in time."""
        if self._closed or self._queued + len(events) > self._room:
            raise busy("ingest is full" if not self._closed else "ingest waits for the database")
        waiting = Waiting(events, keyed_at, self._clock.monotonic() + self._patience)
        self._queue.append(waiting)
        self._count(len(events))
        self._filled.set()
        await waiting.answered.wait()
        if waiting.refusal is not None:
            raise waiting.refusal
        return waiting.results

    async def run(self) -> None:
        """Write group after group until cancelled."""
        try:
            while True:
                await self._filled.wait()
                await self._commit(self._next_group())
                if not self._queue:
                    self._filled = anyio.Event()
        finally:
            self._close()

    def _next_group(self) -> list[Waiting]:
        group = [self._queue.popleft()]
        size = len(group[0].events)
        while self._queue and size + len(self._queue[0].events) <= self._most:
            size += len(self._queue[0].events)
            group.append(self._queue.popleft())
        self._count(-size)
        self._metrics.group_size.observe(size)
        return group

    async def _commit(self, group: list[Waiting]) -> None:
        receipt = self._token()
        firsts: dict[str, Event] = {}
        for waiting in group:
            for event in waiting.events:
                firsts.setdefault(event.key, event)
        try:
            stored = await self._insert([replace(event, receipt=receipt) for event in firsts.values()], group)
        except UnavailableError as error:
            self._health(str(error))
            for waiting in group:
                waiting.refuse(busy(str(error)))
            return
        except TellonceError as error:
            await self._commit_apart(group, error)
            return
        self._health(None)
        for waiting in group:
            waiting.answer([_result(event, firsts, stored) for event in waiting.events])

    async def _insert(self, events: Sequence[Event], group: list[Waiting]) -> dict[str, Event]:
        # The same receipt on every try: what an earlier one wrote is recognised as ours.
        deadline = min(waiting.deadline for waiting in group)
        while True:
            now = self._clock.monotonic()
            if any(now - waiting.keyed_at > KEYED_SECONDS for waiting in group):
                raise UnavailableError("the write took too long to begin")
            try:
                return await self._rows.insert(events)
            except UnavailableError:
                if self._clock.monotonic() + RETRY_PAUSE > deadline:
                    raise
                await anyio.sleep(RETRY_PAUSE)

    async def _commit_apart(self, group: list[Waiting], error: TellonceError) -> None:
        # Something in the group is refused for good: it is not the other requests' fault.
        if len(group) == 1:
            group[0].refuse(Refusal(500, str(error)))
            return
        for waiting in group:
            await self._commit([waiting])

    def _count(self, change: int) -> None:
        self._queued += change
        self._metrics.queued.set(self._queued)

    def _close(self) -> None:
        self._closed = True
        for waiting in self._queue:
            waiting.refuse(busy("ingest waits for the database"))
        self._queue.clear()


def _result(event: Event, firsts: dict[str, Event], stored: dict[str, Event]) -> Result:
    first = stored.get(event.key, firsts[event.key])
    return Result("accepted", event.key) if first is event else judge(first, event)
