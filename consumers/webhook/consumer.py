"""The consumer `webhook`: one delivery for each endpoint that wants an event, with the body as it will be sent."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from consumers.webhook.directory import Directory
from consumers.webhook.endpoint import NAME, Endpoint, read_endpoints
from telemetry.core.canonical import canonical
from telemetry.core.delivery import Delivery
from telemetry.core.event import Event
from telemetry.core.subscription import without_policy
from telemetry.runtime.config import Config
from telemetry.store.client import Connection
from telemetry.store.endpoints import Endpoints


class WebhookConsumer:
    """Plans which endpoints are told; the courier tells them."""

    name = NAME

    def __init__(self, file: Mapping[str, Endpoint], known_types: frozenset[str]) -> None:
        self._file = file
        self._known_types = known_types
        self._endpoints = file
        self._directory: Directory | None = None

    async def refresh(self, connection: Connection) -> None:
        """Learn which endpoints there are now; raise UnavailableError when that cannot be read."""
        if self._directory is None:
            self._directory = Directory(self._file, Endpoints(connection), connection.clock)
        self._endpoints = await self._directory.all()

    def plan(self, event: Event) -> list[Delivery]:
        """Make one delivery an endpoint; those that are switched off too, whose deliveries wait for them."""
        wanted = [endpoint for endpoint in self._endpoints.values() if endpoint.wants(event)]
        if not wanted:
            return []
        body = {"text": payload(event)}
        return [Delivery.of(event, endpoint.destination, body, group=event.distinct_id) for endpoint in wanted]

    async def closed(self, connection: Connection) -> frozenset[str]:
        """Name the endpoints that are switched off or removed; raise UnavailableError when they cannot be read."""
        await self.refresh(connection)
        endpoints = self._endpoints.values()
        return frozenset(one.destination for one in endpoints if one.disabled or one.removed_at)

    def warnings(self) -> list[str]:
        """List what the file says in vain, a line each."""
        return [
            line
            for endpoint in self._file.values()
            for line in without_policy(f"webhook.endpoints.{endpoint.name}", endpoint.table.events, self._known_types)
        ]


def connect(config: Config) -> WebhookConsumer:
    """Make the consumer that a configuration asks for."""
    return WebhookConsumer(read_endpoints(config), frozenset(config.types))


def payload(event: Event) -> str:
    """Spell an event as every endpoint gets it, always in the same bytes."""
    data = {"key": event.key, "distinct_id": event.distinct_id, "properties": event.properties}
    return message(event.type, event.time, data)


def message(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    """Spell a message (Standard Webhooks, "Payload structure")."""
    moment = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return canonical({"type": kind, "timestamp": moment, "data": data})
