"""Until when a fact and what it says are kept."""

from datetime import timedelta

from telemetry.core.event import Event
from telemetry.runtime.config import TypePolicy


def kept(event: Event, policy: TypePolicy | None) -> str:
    """Say until when an event and its payload are kept, as its type's policy has it; for ever where it has none."""
    remembered = f"remembered {_until(event, policy.remember if policy else None)}"
    if event.scrubbed is not None:
        return f"{remembered}; its payload was removed on {event.scrubbed:%Y-%m-%d %H:%M} UTC"
    if policy is None or policy.payload is None:
        return remembered
    return f"{remembered}; payload kept {_until(event, policy.payload)}"


def _until(event: Event, span: timedelta | None) -> str:
    if span is None:
        return "for ever"
    return f"until {event.remembered_since + span:%Y-%m-%d %H:%M} UTC, and until its deliveries are done"
