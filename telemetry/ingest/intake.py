"""From the events of one request to what became of each."""

from collections.abc import Sequence
from typing import Any

from telemetry.core.clock import Clock
from telemetry.core.errors import InvalidEventError, UnavailableError
from telemetry.core.event import Event
from telemetry.ingest.accept import Result, Sequencer, fields_of, make_event
from telemetry.ingest.envelope import Envelope, read_envelope
from telemetry.ingest.group_commit import GroupCommit
from telemetry.ingest.metrics import IngestMetrics
from telemetry.ingest.policies import Policies
from telemetry.ingest.refusal import busy
from telemetry.runtime.logs import get_logger

log = get_logger(__name__)


class Intake:
    """Checks, keys and stores what one request brings."""

    def __init__(
        self, policies: Policies, commit: GroupCommit, clock: Clock, metrics: IngestMetrics, max_event_bytes: int
    ) -> None:
        self._policies = policies
        self._commit = commit
        self._clock = clock
        self._metrics = metrics
        self._max_event_bytes = max_event_bytes
        self._sequencer = Sequencer(clock)

    async def take(self, submitted: Sequence[Any], source: str) -> list[Result]:
        """Answer for each submitted event, in order; raise Refusal when none can be answered for now."""
        checked = [self._check(one) for one in submitted]
        keyed_at = self._clock.monotonic()
        try:
            await self._policies.refresh({envelope.event for envelope in checked if isinstance(envelope, Envelope)})
        except UnavailableError as error:
            raise busy(str(error)) from error
        made = [self._make(one, source) if isinstance(one, Envelope) else one for one in checked]
        events = [one for one in made if isinstance(one, Event)]
        stored = iter(await self._commit.submit(events, keyed_at) if events else ())
        results = [next(stored) if isinstance(one, Event) else one for one in made]
        for one, result in zip(checked, results, strict=True):
            self._note(one.event if isinstance(one, Envelope) else "", result)
        return results

    def _check(self, submitted: Any) -> Envelope | Result:
        try:
            return read_envelope(submitted, self._max_event_bytes)
        except InvalidEventError as error:
            return Result("rejected", None, str(error))

    def _make(self, envelope: Envelope, source: str) -> Event | Result:
        try:
            key = self._policies.key(fields_of(envelope), source)
        except InvalidEventError as error:
            return Result("rejected", None, str(error))
        return make_event(envelope, key, source, self._sequencer)

    def _note(self, event_type: str, result: Result) -> None:
        label = event_type if self._policies.knows(event_type) else "other"
        self._metrics.events.labels(label, result.status).inc()
        if result.status in ("duplicate", "conflict"):
            first = result.first_received_at.isoformat() if result.first_received_at else None
            differs = list(result.differs)
            log.info("ingest.skipped", cause=result.status, key=result.id, first_received_at=first, differs=differs)
