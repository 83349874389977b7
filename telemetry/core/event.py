"""A fact as it is stored and passed on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from telemetry.core.clock import micros
from telemetry.core.key import body_digest


@dataclass(frozen=True, slots=True)
class Event:
    """One fact, under the key that says which fact it is."""

    key: str
    type: str
    distinct_id: str
    properties: Mapping[str, Any]
    time: datetime
    received_at: datetime
    source: str
    digest: str
    receipt: str  # which ingest attempt wrote it
    order: int  # microseconds of database time, strictly rising within one ingest process
    due_at: datetime | None  # absent once settled or cancelled
    acks: Mapping[str, "Ack"] = field(default_factory=dict)
    deliver_at: datetime | None = None  # when it was asked to be told
    revision: int | None = None  # of one that may be revised until it fires; None: told at once, for good
    fired: int | None = None  # the revision that is told
    cancelled: "Cancelled | None" = None
    origin: Mapping[str, Any] | None = None  # what made it, where no producer did
    repeats: "Repeats | None" = None

    @property
    def must_fire(self) -> bool:
        """Say whether it may still be revised or cancelled, so that offering it begins with an end to that."""
        return self.revision is not None and self.fired is None

    def is_due(self, now: datetime) -> bool:
        """Say whether it is owed by now; what was due on arrival is, even to a process whose clock is behind."""
        return self.due_at is not None and self.due_at <= max(now, self.received_at)


@dataclass(frozen=True, slots=True)
class Ack:
    """A consumer has durably taken over an event, as so many deliveries."""

    at: datetime
    deliveries: int


@dataclass(frozen=True, slots=True)
class Repeats:
    """What came again under an event's key: at least so often by what it came to, and when the last time."""

    counts: Mapping[str, int]
    last_at: datetime
    differs: tuple[str, ...] = ()  # fields in which the last other body differed


@dataclass(frozen=True, slots=True)
class Cancelled:
    """An event that is told to nobody, unless a higher revision opens it again."""

    at: datetime
    by: str
    reason: str


def new_event(
    *,
    key: str,
    type: str,  # noqa: A002 - the field's name
    distinct_id: str,
    properties: Mapping[str, Any],
    source: str,
    receipt: str,
    order: int,
    received: datetime,
    time: datetime | None = None,
    digest: str | None = None,
    deliver_at: datetime | None = None,
    revision: int | None = None,
    origin: Mapping[str, Any] | None = None,
) -> Event:
    """Make an event that is not stored yet, owed at once or from `deliver_at` on.

    `digest` is that of the body as it was sent, where it was.
    """
    due = received if deliver_at is None else max(deliver_at, received)
    body = {"event": type, "distinct_id": distinct_id, "properties": properties}
    return Event(
        key=key,
        type=type,
        distinct_id=distinct_id,
        properties=properties,
        time=received if time is None else time,
        received_at=received,
        source=source,
        digest=body_digest(body) if digest is None else digest,
        receipt=receipt,
        # What was asked for a later moment has its place in a queue among what comes then.
        order=order if due == received else micros(due) + order % 1000,
        due_at=due,
        deliver_at=deliver_at,
        revision=0 if revision is None and deliver_at is not None else revision,
        origin=origin,
    )
