"""Taking an event back before it is told."""

from dataclasses import dataclass
from typing import Literal

from telemetry.core.event import Event
from telemetry.store.census import Census
from telemetry.store.client import Connection
from telemetry.store.deferred import Deferred


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What cancelling an event came to, and the event as it stands."""

    outcome: Literal["cancelled", "too_late", "unknown"]
    event: Event | None


async def cancel_event(connection: Connection, key: str, by: str, reason: str) -> Cancellation:
    """Cancel an event that is to be told later; one that is told already, or at once, stays."""
    stored = await Census(connection).present_key(key)
    event = await Deferred(connection).cancel(stored, by, reason)
    if event is None:
        return Cancellation("unknown", None)
    return Cancellation("cancelled" if event.cancelled else "too_late", event)
