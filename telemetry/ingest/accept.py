"""From a checked envelope to an event, and from a key that is taken to a judgement."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from telemetry.core.canonical import canonical
from telemetry.core.clock import Clock, milliseconds
from telemetry.core.event import Event, new_event
from telemetry.core.key import body_digest
from telemetry.ingest.envelope import Envelope, happened

Status = Literal["accepted", "duplicate", "conflict", "rejected"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one submitted event."""

    status: Status
    id: str | None
    error: str | None = None
    first_received_at: datetime | None = None
    differs: tuple[str, ...] = ()
    too_large: bool = False


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
    """Make the event of an envelope."""
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
    )


def fields_of(envelope: Envelope) -> dict[str, Any]:
    """Give the claims of an envelope as keys and digests are made of them."""
    return {
        "event": envelope.event,
        "distinct_id": envelope.distinct_id,
        "properties": envelope.properties or {},
        "insert_id": envelope.insert_id,
    }


def judge(first: Event, repeated: Event) -> Result:
    """Say whether an event whose key is taken repeats the first one or contradicts it."""
    if first.digest == repeated.digest:
        return Result("duplicate", first.key, first_received_at=first.received_at)
    differs = tuple(_differing(first, repeated))
    error = (
        f"another body is stored under this key since {first.received_at.isoformat()}, and it stands; "
        f"different: {', '.join(differs)}"
    )
    return Result("conflict", first.key, error, first.received_at, differs)


def _differing(first: Event, repeated: Event) -> list[str]:
    tops = [name for name in ("type", "distinct_id") if getattr(first, name) != getattr(repeated, name)]
    return tops + [f"properties.{name}" for name in _names(first.properties, repeated.properties)]


def _names(first: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    missing = object()
    return [
        name
        for name in sorted({*first, *other})
        if first.get(name, missing) is missing
        or other.get(name, missing) is missing
        or canonical(first[name]) != canonical(other[name])
    ]
