"""From a checked envelope to an event, and from a key that is taken to a judgement."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from telemetry.core.canonical import canonical
from telemetry.core.clock import Clock
from telemetry.core.event import Event
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


class Sequencer:
    """Gives events their order: microseconds of database time, strictly rising within this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> tuple[int, datetime]:
        """Give the next place in the order, and the time of it in the milliseconds that are stored."""
        now = self._clock.now()
        self._last = max(int(now.timestamp() * 1_000_000), self._last + 1)
        return self._last, now.replace(microsecond=now.microsecond // 1000 * 1000)


def make_event(envelope: Envelope, key: str, source: str, sequencer: Sequencer) -> Event:
    """Make the event of an envelope; its receipt is given when it is written."""
    order, received = sequencer.next()
    when = happened(envelope, received)
    return Event(
        key=key,
        type=envelope.event,
        distinct_id=envelope.distinct_id,
        properties=envelope.properties or {},
        time=when.replace(microsecond=when.microsecond // 1000 * 1000),
        received_at=received,
        source=source,
        digest=body_digest(fields_of(envelope)),
        receipt="",
        order=order,
        due_at=received,
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
