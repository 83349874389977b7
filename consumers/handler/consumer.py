"""A handler as a consumer: one delivery for each event of its types."""

from consumers.handler.occasion import body_of
from consumers.handler.registration import Registration
from telemetry.core.delivery import Delivery
from telemetry.core.event import Event
from telemetry.core.subscription import covers, without_policy


class HandlerConsumer:
    """Plans what a handler is called for; its courier calls it."""

    def __init__(self, handler: Registration, known_types: frozenset[str]) -> None:
        self.name = handler.name
        self.source = handler.source
        self._handler = handler
        self._known_types = known_types

    def plan(self, event: Event) -> list[Delivery]:
        """Make one delivery of an event that the handler wants."""
        if not covers(self._handler.types, event.type):
            return []
        return [Delivery.of(event, self._handler.destination, body_of(event))]

    def warnings(self) -> list[str]:
        """List what it may be called for in vain, a line each."""
        return without_policy(self._handler.entry, self._handler.types, self._known_types)
