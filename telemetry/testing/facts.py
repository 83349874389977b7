"""Events and deliveries for tests: only what matters needs to be said."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

from telemetry.core.canonical import digest
from telemetry.core.delivery import Delivery
from telemetry.core.event import Event

ONCE = datetime(2026, 1, 1, tzinfo=UTC)
_order = count(1)


def an_event(event: str = "sign_up", distinct_id: str = "u1", key: str | None = None, /, **properties: Any) -> Event:
    """Make an event as a consumer gets it; its key is that of a type which knows each subject once."""
    return _event(event, distinct_id, key or f"{event}:{distinct_id}", properties)


def _event(event: str, distinct_id: str, key: str, properties: Mapping[str, Any]) -> Event:
    return Event(
        key=key,
        type=event,
        distinct_id=distinct_id,
        properties=properties,
        time=ONCE,
        received_at=ONCE,
        source="test",
        digest=digest([event, distinct_id, properties]),
        receipt="a-receipt",
        order=next(_order),
        due_at=ONCE,
    )


def a_delivery(destination: str, body: Mapping[str, Any], event: Event | None = None, **fields: Any) -> Delivery:
    """Make a delivery as a carrier gets it."""
    return Delivery.of(event or an_event(), destination, body, **fields)


def odd_events() -> Sequence[Event]:
    """Make events that producers may send, and that are easily forgotten."""
    deep: Any = "end"
    for _ in range(20):
        deep = {"deeper": [deep]}
    odd: Sequence[Mapping[str, Any]] = (
        {},
        {"name": None, "list": [], "table": {}, "flag": False, "zero": 0, "tiny": 1e-300},
        {"name": "Zoë \N{SNOWMAN} \N{GRINNING FACE} \u202e", "lone": "\ud800", "zero width": "\u200b"},
        {"$set": 1, "a.b": {"c.$d": 2}, "%24": "%2E", "": "no name"},
        {"long": "x" * 50_000, "many": list(range(500))},
        {"deep": deep},
        {"big": 2**62, "negative": -(2**62), "float": 1.5},
    )
    subjects = ("u1", "Zoë|\N{SNOWMAN}", "with space", "a:b:c", "x" * 500, "%3A", "\ud800")
    return [
        _event("sign_up", subject, f"sign_up:{number}", properties)
        for number, (subject, properties) in enumerate(zip(subjects, odd, strict=True))
    ]
