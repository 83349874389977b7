"""A fact as it is stored and passed on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


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
    due_at: datetime | None  # absent once settled
    acks: Mapping[str, "Ack"] = field(default_factory=dict)

    def is_due(self, now: datetime) -> bool:
        """Say whether it is owed by now; what was due on arrival is, even to a process whose clock is behind."""
        return self.due_at is not None and self.due_at <= max(now, self.received_at)


@dataclass(frozen=True, slots=True)
class Ack:
    """A consumer has durably taken over an event, as so many deliveries."""

    at: datetime
    deliveries: int
