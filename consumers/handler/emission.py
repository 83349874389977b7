"""What a handler emits in one try: follow-up events, each under a key that any other try would give it too."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from telemetry.core.canonical import digest
from telemetry.core.clock import micros, milliseconds
from telemetry.core.delivery import Delivery
from telemetry.core.errors import InvalidEventError
from telemetry.core.event import Event, new_event
from telemetry.core.key import join_key
from telemetry.ingest.envelope import promise, read_envelope
from telemetry.store.documents import event_size

LARGEST = 64 * 1024
# They are kept in one row until they are told.
LARGEST_IN_ALL = 8 * 1024**2


class EmitError(ValueError):
    """What a handler wants to emit can never be an event."""


@dataclass(frozen=True, slots=True)
class Emission:
    """One follow-up event, before it has a time."""

    key: str
    type: str
    subject: str
    properties: Mapping[str, Any]
    deliver_at: datetime | None


class Emissions:
    """Collects what one try emits."""

    def __init__(self, handler: str, delivery: Delivery, now: datetime) -> None:
        self._handler = handler
        self._delivery = delivery
        self._now = now
        self._by_key: dict[str, Emission] = {}
        self._size = 0

    def add(self, kind: Any, subject: Any, properties: Any, deliver_at: Any) -> None:
        """Emit an event; the same again is once; raise EmitError naming what is wrong."""
        where = f"emit {kind!r:.80} for {subject!r:.80}"
        try:
            emission = self._checked(kind, subject, properties, deliver_at)
        except (InvalidEventError, TypeError, ValueError, RecursionError) as error:
            raise EmitError(f"{where}: {str(error).replace('distinct_id:', 'subject:', 1)}") from None
        known = self._by_key.setdefault(emission.key, emission)
        if known != emission:
            raise EmitError(f"{where}: emitted before with another body; a subject has one such event a handler")
        if known is emission:
            # As a row and not as it was spelt: a list of small numbers is three times as large there.
            self._size += event_size(self._event(emission, self._delivery.receipt, self._now, 0))
        if self._size > LARGEST_IN_ALL:
            raise EmitError(f"{where}: more than {LARGEST_IN_ALL} bytes in all; emit fewer, or smaller ones")

    def events(self, receipt: str, now: datetime) -> list[Event]:
        """Make the events, in the order in which they were emitted."""
        now = milliseconds(now)
        return [self._event(emission, receipt, now, place) for place, emission in enumerate(self._by_key.values())]

    def _checked(self, kind: Any, subject: Any, properties: Any, deliver_at: Any) -> Emission:
        # As it would come back from the database: later changes by the handler are none of the event.
        copied = json.loads(json.dumps({} if properties is None else properties))
        submitted = {"event": kind, "distinct_id": subject, "properties": copied}
        envelope = read_envelope(submitted, LARGEST)
        for field, text in (("event", envelope.event), ("subject", envelope.distinct_id)):
            if "\0" in text:
                raise EmitError(f"{field}: holds a NUL character")
        key = self._key(envelope.event, envelope.distinct_id)
        at = _moment(deliver_at, self._now)
        return Emission(key, envelope.event, envelope.distinct_id, envelope.properties or {}, at)

    def _key(self, kind: str, subject: str) -> str:
        cause = [self._delivery.event, self._delivery.generation, self._handler, kind, subject]
        return join_key(kind, [self._handler, subject, digest(cause)[:24]])

    def _event(self, emission: Emission, receipt: str, now: datetime, place: int) -> Event:
        return new_event(
            key=emission.key,
            type=emission.type,
            distinct_id=emission.subject,
            properties=emission.properties,
            source=f"handler:{self._handler}",
            receipt=receipt,
            order=micros(now) + place,
            received=now,
            deliver_at=emission.deliver_at,
            origin={"handler": self._handler, "event": self._delivery.event},
        )


def _moment(deliver_at: Any, now: datetime) -> datetime | None:
    if deliver_at is None:
        return None
    if not isinstance(deliver_at, datetime) or deliver_at.tzinfo is None:
        raise EmitError(f"deliver_at: expected a datetime with a time zone, not {deliver_at!r:.80}")
    return promise(deliver_at, now)
