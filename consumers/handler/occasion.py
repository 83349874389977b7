"""The event that a handler is called for, as its delivery's body keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from telemetry.core.event import Event


@dataclass(frozen=True, slots=True)
class Occasion:
    """The event that a handler is called for."""

    key: str
    type: str
    distinct_id: str
    properties: Mapping[str, Any]
    time: datetime
    received_at: datetime
    origin: Mapping[str, Any] | None = None  # what made it, where no producer did


def body_of(event: Event) -> dict[str, Any]:
    """Spell an event in JSON."""
    body = {
        "key": event.key,
        "type": event.type,
        "distinct_id": event.distinct_id,
        "properties": event.properties,
        "time": event.time.isoformat(),
        "received_at": event.received_at.isoformat(),
    }
    return body if event.origin is None else body | {"origin": event.origin}


def occasion_from(body: Mapping[str, Any]) -> Occasion:
    """Read an event from the body of its delivery."""
    times = {name: datetime.fromisoformat(body[name]) for name in ("time", "received_at")}
    return Occasion(**{**body, **times})
