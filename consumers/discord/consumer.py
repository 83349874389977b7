"""The consumer `discord`: message items for each channel that an event is routed to, and for audiences."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consumers.discord.message import PLAIN, Body
from consumers.discord.routes import NAME, Route, read_routes
from telemetry.core.channel import channel_of, destination_of
from telemetry.core.delivery import Delivery
from telemetry.core.event import Event
from telemetry.core.fan_out import FanOut
from telemetry.core.subscription import without_policy
from telemetry.runtime.config import Config
from telemetry.runtime.routing import failed, known_types
from telemetry.store.channels import Channels
from telemetry.store.client import Connection

KINDS = (NAME, "discord-user")  # of members that the bot carries to


@dataclass(frozen=True, slots=True)
class DiscordConsumer:
    """Plans what is posted where; the bot posts it."""

    routes: Sequence[Route]
    known_types: frozenset[str]
    name: str = NAME

    def plan(self, event: Event) -> list[Delivery | FanOut]:
        """Make the messages for each channel and for the members of audiences.

        Where several routes lead to one channel, the first in the file wins, and one that names it wins over all.
        """
        wanted = [route for route in self.routes if route.wants(event.type)]
        chosen: dict[str, Route] = {}
        for route in wanted:
            if route.destination is not None:
                chosen.setdefault(route.destination, route)
        plan: list[Delivery | FanOut] = []
        for destination, route in chosen.items():
            plan += _deliveries(event, destination, _told(event, route))
        return plan + [_fan_out(route, _told(event, route)) for route in wanted if route.table.audiences]

    def types_at(self, destination: str) -> list[str]:
        """List the types that are told at a channel, as the file spells them."""
        return [name for route in self.routes if route.destination == destination for name in route.table.events]

    def audiences(self) -> dict[str, Sequence[str]]:
        """Say which audiences each entry of the file names."""
        return {route.entry: route.table.audiences for route in self.routes if route.table.audiences}

    async def closed(self, connection: Connection, destinations: Collection[str]) -> frozenset[str]:
        """Say to which of some nothing is posted for now; raise UnavailableError when that cannot be read."""
        rows = await Channels(connection).of([channel_of(name) for name in sorted(destinations)])
        return frozenset(destination_of(row.id) for row in rows if row.block)

    def warnings(self) -> list[str]:
        """List what the file says in vain, a line each."""
        return [*self._shadowed(), *self._without_policy()]

    def _shadowed(self) -> list[str]:
        lines = []
        for place, route in enumerate(self.routes):
            if route.destination is None:
                continue
            earlier = [other for other in self.routes[:place] if other.destination == route.destination]
            for event_type in route.table.events:
                # A route for every type after special ones means the rest of the types: nothing is in vain.
                winner = next((other for other in earlier if other.wants(event_type)), None)
                if winner is not None:
                    said = f"{event_type!r} already goes to channel {route.table.channel!r} by routes#{winner.number}"
                    lines.append(f"{route.entry}: {said}; this route is passed over for it")
        return lines

    def _without_policy(self) -> list[str]:
        return [
            line for route in self.routes for line in without_policy(route.entry, route.table.events, self.known_types)
        ]


def connect(config: Config) -> DiscordConsumer:
    """Make the consumer that a configuration asks for."""
    return DiscordConsumer(read_routes(config), known_types(config))


@dataclass(frozen=True, slots=True)
class _Told:
    """What an event comes to by a route."""

    bodies: Sequence[Mapping[str, Any]]
    account: str
    fields: Mapping[str, Any]


def _told(event: Event, route: Route) -> _Told:
    try:
        return _Told([body.stored() for body in route.bodies(event)], route.account(event), {})
    except Exception as error:  # noqa: BLE001 - a template may raise anything; the other deliveries go on
        # Should an operator want it told after all, it is told as its key.
        body = Body(event.key, digest=False).stored()
        return _Told([body], NAME, {"rung": PLAIN} | failed(route.entry, error))


def _deliveries(event: Event, destination: str, told: _Told) -> list[Delivery]:
    numbered = enumerate(told.bodies)
    return [Delivery.of(event, destination, body, part=part, **told.fields) for part, body in numbered]


def _fan_out(route: Route, told: _Told) -> FanOut:
    return FanOut(route.table.told, KINDS, told.bodies, told.account, told.fields)
