"""What waits for a consumer: events that it is owed, and deliveries in its queue that are not done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from telemetry.core.clock import EPOCH
from telemetry.core.delivery import State
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events

# A count beyond it stands still, where who asks says so: what it costs has an end.
MOST_COUNTED = 100_000
UNFINISHED = (State.HELD, State.PENDING, State.LEASED, State.DEAD, State.PARKED)


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits for one consumer."""

    owed: int  # and due
    later: int  # owed too, but not due yet
    oldest_owed: datetime | None  # when the first that is due was
    rows: Mapping[State, int]  # deliveries


async def read_backlog(connection: Connection, consumer: str, *, registered: bool = True, most: int = 0) -> Backlog:
    """Count what waits, each kind up to `most` where that is given; one that is not registered is owed nothing."""
    rows = await Deliveries(connection, consumer).count(UNFINISHED, most=most)
    now = connection.clock.now()
    if not registered:
        return Backlog(0, 0, None, rows)
    events = Events(connection)
    later = await events.count_later(consumer, now, most)
    owed = await events.count_owed(consumer, most and most + later) - later
    oldest = await events.owed(EPOCH, now, consumer, 1) if owed > 0 else []
    return Backlog(max(owed, 0), later, oldest[0].due_at if oldest else None, rows)
