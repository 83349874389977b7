"""From the events of one request to what became of each."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import count
from typing import Any, TypeVar

import anyio
import anyio.lowlevel

from telemetry.core.canary import CANARY
from telemetry.core.clock import Clock
from telemetry.core.errors import InvalidEventError, UnavailableError
from telemetry.core.event import Event
from telemetry.core.step import Step
from telemetry.core.warning import OTHER
from telemetry.ingest.accept import Result, Sequencer, fields_of, make_event, rejected
from telemetry.ingest.canary import Tickets, admitted
from telemetry.ingest.envelope import Envelope, read_envelope
from telemetry.ingest.group_commit import GroupCommit
from telemetry.ingest.metrics import IngestMetrics
from telemetry.ingest.policies import InForce, Policies
from telemetry.ingest.refusal import busy
from telemetry.ingest.warner import Warner
from telemetry.runtime.logs import get_logger
from telemetry.runtime.tracing import tracing

log = get_logger(__name__)

T = TypeVar("T")

# After so many events the other requests have their turn.
AT_A_STRETCH = 100
FAR = "time is more than a day ahead: is that clock right?"
SKIPPED = frozenset({"duplicate", "conflict", "superseded", "too_late"})


class Intake:
    """Checks, keys and stores what one request brings."""

    def __init__(
        self,
        policies: Policies,
        commit: GroupCommit,
        clock: Clock,
        metrics: IngestMetrics,
        health: Callable[[str | None], None],
        token: Callable[[], str],
        tickets: Tickets,
        again: Callable[[Result], None],
        admitted: Callable[[str, int], AbstractContextManager[None]],
        warner: Warner,
        *,
        max_event_bytes: int,
        patience: float,
    ) -> None:
        self._policies = policies
        self._commit = commit
        self._metrics = metrics
        self._health = health
        self._token = token
        self._tickets = tickets
        self._again = again
        self._admitted = admitted
        self._warner = warner
        self._max_event_bytes = max_event_bytes
        self._patience = patience
        self._clock = clock
        self._sequencer = Sequencer(clock)

    async def take(self, submitted: Sequence[Any], source: str) -> list[Result]:
        """Answer for each submitted event, in order; raise Refusal when none can be, in time or by the rate."""
        with self._admitted(source, len(submitted)):
            with anyio.move_on_after(self._patience):
                return await self._take(submitted, source)
            why = f"the database has not confirmed the write within {self._patience:g} s"
            self._health(why)
            raise busy(why)

    async def _take(self, submitted: Sequence[Any], source: str) -> list[Result]:
        checked = [self._check(one) async for one in _in_turns(submitted)]
        keyed = await self._in_force({one.event for one in checked if isinstance(one, Envelope)})
        shown = {one.canary for one in checked if isinstance(one, Envelope) and one.canary is not None}
        made = await self._make(checked, source, keyed, await self._good(shown))
        events = [one for one in made if isinstance(one, Event)]
        answers = await self._commit.submit(events, keyed) if events else ()
        self._trace(events, answers)
        stored = iter(answers)
        results = [next(stored) if isinstance(one, Event) else one for one in made]
        self._note([_counted_as(one) for one in checked], results, source)
        return results

    async def _in_force(self, types: set[str]) -> InForce:
        return await self._known(self._policies.in_force(types))

    async def _good(self, tickets: set[str]) -> Mapping[str, str]:
        return await self._known(self._tickets(tickets)) if tickets else {}

    async def _known(self, asked: Awaitable[T]) -> T:
        try:
            return await asked
        except UnavailableError as error:
            self._health(str(error))
            raise busy(str(error)) from error

    def _check(self, submitted: Any) -> Envelope | Result:
        try:
            return read_envelope(submitted, self._max_event_bytes)
        except InvalidEventError as error:
            return rejected(error)

    async def _make(
        self, checked: Sequence[Envelope | Result], source: str, keyed: InForce, tickets: Mapping[str, str]
    ) -> Sequence[Event | Result]:
        # One receipt a request: what a broken try has written is recognised as its own.
        receipt, order, made = self._token(), count(), list[Event | Result]()
        first, received = self._sequencer.reserve(len(checked))
        async for one in _in_turns(checked):
            if isinstance(one, Result):
                made.append(one)
                continue
            claims = fields_of(one)
            try:
                key = self._policies.key(claims, source, keyed[one.event])
                event = make_event(one, claims, key, source, receipt, first + next(order), received)
                made.append(admitted(event, one.canary, tickets))
            except InvalidEventError as error:
                made.append(rejected(error))
        return made

    def _trace(self, events: Sequence[Event], answers: Sequence[Result]) -> None:
        if not tracing.on:
            return
        now = self._clock.now()
        for event, result in zip(events, answers, strict=True):
            if result.status == "accepted":
                said = {"type": event.type, "source": event.source}
                tracing.tell(Step("ingest", event.key, event.receipt, event.received_at, now, said, first=True))

    def _note(self, types: Sequence[str], results: Sequence[Result], source: str) -> None:
        labels = (name if self._policies.knows(name) else "other" for name in types)
        for (label, status), times in Counter(zip(labels, (result.status for result in results), strict=True)).items():
            self._metrics.events.labels(label, status).inc(times)
        self._metrics.resubmitted.inc(sum(result.status == "duplicate" for result in results))
        for name, result in zip(types, results, strict=True):
            if result.warns is not None:
                said = ": ".join(filter(None, (result.id, result.error or result.note or FAR)))
                self._warner.warn(result.warns, name or OTHER, source, said)
            if result.status in SKIPPED:
                self._again(result)
                first = result.first_received_at.isoformat() if result.first_received_at else None
                differs = list(result.differs)
                log.info("ingest.skipped", cause=result.status, key=result.id, first_received_at=first, differs=differs)


def _counted_as(one: Envelope | Result) -> str:
    """Name the type that an event counts as: a canary is no fact of the type whose way it goes."""
    if isinstance(one, Result):
        return ""
    return one.event if one.canary is None else CANARY


async def _in_turns(items: Sequence[T]) -> AsyncIterator[T]:
    for start in range(0, len(items), AT_A_STRETCH):
        for item in items[start : start + AT_A_STRETCH]:
            yield item
        await anyio.lowlevel.checkpoint()
