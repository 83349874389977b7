"""A deployment as an operator finds it: events accepted, offered, acked, and told."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from telemetry.core.delivery import Delivery, Signal
from telemetry.core.event import Event
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.registry import Registry
from tests.facts import a_delivery, an_event

CONSUMER = "discord"
CHANNEL = "discord:1"


class Deployment:
    """What daemons would have left in the database."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.events = Events(connection)
        self.queue = Deliveries(connection, CONSUMER)
        self.registry = Registry(connection)

    def an_event(self, key: str) -> Event:
        """Make an event that was received after the consumers were registered."""
        received = self.connection.clock.now() + timedelta(minutes=1)
        return replace(an_event(key), received_at=received, due_at=self.connection.clock.now())

    async def accept(self, *keys: str) -> list[Event]:
        """Store events."""
        events = [self.an_event(key) for key in keys]
        await self.events.insert(events)
        return events

    async def take_over(self, events: Sequence[Event], destinations: Sequence[str] = (CHANNEL,)) -> list[Delivery]:
        """Offer events to the consumer and ack them."""
        rows = [a_delivery(event, destination) for event in events for destination in destinations]
        await self.queue.offer(rows)
        registered = list(await self.registry.read())
        await self.events.ack({event.key: {CONSUMER: len(destinations)} for event in events}, registered)
        return rows

    async def tell(self, rows: Sequence[Delivery]) -> None:
        """Settle deliveries as delivered."""
        members = [(row.id, row.generation) for row in rows]
        await self.queue.settle(members, Signal.DONE, result={"message_id": "1"})

    async def told(self, *keys: str) -> list[Delivery]:
        """Take events all the way."""
        rows = await self.take_over(await self.accept(*keys))
        await self.tell(rows)
        return rows
