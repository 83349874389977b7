"""The consumer `webhook`: one delivery for each endpoint that wants an event, with the body as it will be sent."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from consumers.webhook.directory import Directory
from consumers.webhook.endpoint import NAME, Endpoint, read_endpoints
from consumers.webhook.routes import Route, read_routes
from telemetry.core.canonical import canonical
from telemetry.core.delivery import Delivery
from telemetry.core.event import Event
from telemetry.core.fan_out import FanOut
from telemetry.core.subscription import without_policy
from telemetry.runtime.config import Config
from telemetry.runtime.routing import known_types
from telemetry.store.client import Connection
from telemetry.store.endpoints import Endpoints


class WebhookConsumer:
    """Plans which endpoints are told; the courier tells them."""

    name = NAME

    def __init__(self, file: Mapping[str, Endpoint], known_types: frozenset[str], routes: Sequence[Route] = ()) -> None:
        self._file = file
        self._routes = routes
        self._known_types = known_types
        self._endpoints = file
        self._directory: Directory | None = None

    async def refresh(self, connection: Connection) -> None:
        """Learn which endpoints there are now; raise UnavailableError when that cannot be read."""
        if self._directory is None:
            self._directory = Directory(self._file, Endpoints(connection), connection.clock)
        self._endpoints = await self._directory.all()

    def plan(self, event: Event) -> list[Delivery | FanOut]:
        """Make one delivery an endpoint; those that are switched off too, whose deliveries wait for them.

        One that an audience names besides has the same delivery.
        """
        wanted = [endpoint for endpoint in self._endpoints.values() if endpoint.wants(event)]
        routes = [route for route in self._routes if route.table.wants(event.type)]
        if not wanted and not routes:
            return []
        body = {"text": payload(event)}
        plan: list[Delivery | FanOut] = []
        plan += [Delivery.of(event, endpoint.destination, body, group=event.distinct_id) for endpoint in wanted]
        return plan + [route.fan_out(event, body) for route in routes]

    def types_at(self, destination: str) -> list[str]:
        """List the types that an endpoint is told, as whoever added it spells them."""
        endpoints = [one for one in self._endpoints.values() if one.destination == destination]
        return [name for endpoint in endpoints for name in endpoint.table.events]

    def audiences(self) -> dict[str, Sequence[str]]:
        """Say which audiences each entry of the file names."""
        return {route.entry: route.table.audiences for route in self._routes}

    async def closed(self, connection: Connection, destinations: Collection[str]) -> frozenset[str]:
        """Say which of some are switched off or removed; raise UnavailableError when that cannot be read."""
        await self.refresh(connection)
        endpoints = self._endpoints.values()
        shut = {one.destination for one in endpoints if one.disabled or one.removed_at}
        return frozenset(shut.intersection(destinations))

    def warnings(self) -> list[str]:
        """List what the file says in vain, a line each."""
        wanted = {f"{NAME}.endpoints.{endpoint.name}": endpoint.table.events for endpoint in self._file.values()}
        wanted |= {route.entry: route.table.events for route in self._routes}
        return [line for entry, events in wanted.items() for line in without_policy(entry, events, self._known_types)]


def connect(config: Config) -> WebhookConsumer:
    """Make the consumer that a configuration asks for."""
    return WebhookConsumer(read_endpoints(config), known_types(config), read_routes(config))


def payload(event: Event) -> str:
    """Spell an event as every endpoint gets it, always in the same bytes."""
    data = {"key": event.key, "distinct_id": event.distinct_id, "properties": event.properties}
    return message(event.type, event.time, data)


def message(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    """Spell a message (Standard Webhooks, "Payload structure")."""
    moment = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return canonical({"type": kind, "timestamp": moment, "data": data})
