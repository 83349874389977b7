"""The consumer `discord`: one message item for each channel that an event is routed to."""

from collections.abc import Sequence
from dataclasses import dataclass

from consumers.discord.message import PLAIN, Body
from consumers.discord.routes import NAME, Route, read_routes
from telemetry.core.delivery import Delivery, State
from telemetry.core.event import Event
from telemetry.core.subscription import without_policy
from telemetry.runtime.config import Config
from telemetry.store.channels import Channels
from telemetry.store.client import Connection

LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class DiscordConsumer:
    """Plans what is posted where; the bot posts it."""

    routes: Sequence[Route]
    known_types: frozenset[str]
    name: str = NAME

    def plan(self, event: Event) -> list[Delivery]:
        """Make one delivery a channel; where several routes lead to one channel, the first in the file wins."""
        chosen: dict[str, Route] = {}
        for route in self.routes:
            if route.wants(event.type):
                chosen.setdefault(route.destination, route)
        return [_delivery(event, route) for route in chosen.values()]

    async def closed(self, connection: Connection) -> frozenset[str]:
        """Name the channels to which nothing is posted for now; raise UnavailableError when they cannot be read."""
        return frozenset(f"discord:{channel}" for channel in await Channels(connection).blocked())

    def warnings(self) -> list[str]:
        """List what the file says in vain, a line each."""
        return [*self._shadowed(), *self._without_policy()]

    def _shadowed(self) -> list[str]:
        lines = []
        for place, route in enumerate(self.routes):
            earlier = [other for other in self.routes[:place] if other.destination == route.destination]
            for event_type in route.table.events:
                # A route for every type after special ones means the rest of the types: nothing is in vain.
                winner = next((other for other in earlier if other.wants(event_type)), None)
                if winner is not None:
                    said = f"{event_type!r} already goes to channel {route.table.channel!r} by routes#{winner.number}"
                    lines.append(f"discord.routes#{route.number}: {said}; this route is passed over for it")
        return lines

    def _without_policy(self) -> list[str]:
        return [
            line
            for route in self.routes
            for line in without_policy(f"discord.routes#{route.number}", route.table.events, self.known_types)
        ]


def connect(config: Config) -> DiscordConsumer:
    """Make the consumer that a configuration asks for."""
    return DiscordConsumer(read_routes(config), frozenset(config.types))


def _delivery(event: Event, route: Route) -> Delivery:
    state, reason, rung = State.PENDING, None, 0
    try:
        body = route.body(event)
    except Exception as error:  # noqa: BLE001 - a template may raise anything; the other deliveries go on
        # Should an operator want it told after all, it is told as its key.
        body, state, rung = Body(event.key, digest=False), State.DEAD, PLAIN
        reason = f"template of discord.routes#{route.number}: {type(error).__name__}: {error}"[:LONGEST_REASON]
    return Delivery.of(event, route.destination, body.stored(), state=state, rung=rung, reason=reason)
