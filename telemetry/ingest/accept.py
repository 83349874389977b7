"""From a checked envelope to an event, and from a key that is taken to a judgement."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from telemetry.core.clock import Clock, milliseconds
from telemetry.core.errors import InvalidEventError, MissingPartError, UnknownTypeError
from telemetry.core.event import Event, new_event
from telemetry.core.key import body_digest
from telemetry.core.warning import Kind
from telemetry.ingest.envelope import Envelope, TooLargeError, happened, promised, zoned

Status = Literal["accepted", "duplicate", "conflict", "superseded", "too_late", "rejected"]
# Further ahead than clocks and time zones differ.
FUTURE = timedelta(days=1)
WARNED: Mapping[type[InvalidEventError], Kind] = {
    UnknownTypeError: Kind.UNKNOWN_TYPE,
    MissingPartError: Kind.MISSING_KEY_PART,
    TooLargeError: Kind.OVERSIZE,
}
PAST = "deliver_at is past: it is told at once"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one submitted event."""

    status: Status
    id: str | None
    error: str | None = None
    first_received_at: datetime | None = None
    differs: tuple[str, ...] = ()
    too_large: bool = False
    note: str | None = None
    warns: Kind | None = None


class Sequencer:
    """Gives events their order: microseconds of database time, strictly rising within this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next = 0

    def reserve(self, count: int) -> tuple[int, datetime]:
        """Give the first of so many places in the order, and the time now in the milliseconds that are stored."""
        now = self._clock.now()
        first = max(int(now.timestamp() * 1_000_000), self._next)
        self._next = first + count
        return first, milliseconds(now)


def make_event(
    envelope: Envelope, claims: Mapping[str, Any], key: str, source: str, receipt: str, order: int, received: datetime
) -> Event:
    """Make the event of an envelope; raise InvalidEventError where it is to be told at no time that can be promised."""
    return new_event(
        key=key,
        type=envelope.event,
        distinct_id=envelope.distinct_id,
        properties=claims["properties"],
        time=milliseconds(happened(envelope, received)),
        received=received,
        source=source,
        digest=body_digest(claims),
        receipt=receipt,
        order=order,
        deliver_at=promised(envelope, received),
        revision=envelope.revision,
    )


def fields_of(envelope: Envelope) -> dict[str, Any]:
    """Give the claims of an envelope as keys and digests are made of them."""
    return {
        "event": envelope.event,
        "distinct_id": envelope.distinct_id,
        "properties": envelope.properties or {},
        "insert_id": envelope.insert_id,
        "deliver_at": envelope.deliver_at and milliseconds(zoned(envelope.deliver_at)).isoformat(),
    }


def accepted(event: Event) -> Result:
    """Say that an event is stored, and what became of the times that it names."""
    past = event.deliver_at is not None and event.deliver_at < event.received_at
    skewed = past or event.time - event.received_at > FUTURE
    return Result("accepted", event.key, note=PAST if past else None, warns=Kind.CLOCK_SKEW if skewed else None)


def rejected(error: InvalidEventError) -> Result:
    """Say why an event is not stored."""
    kinds = (kind for wrong, kind in WARNED.items() if isinstance(error, wrong))
    return Result("rejected", None, str(error), too_large=isinstance(error, TooLargeError), warns=next(kinds, None))
