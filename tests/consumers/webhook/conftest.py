from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import anyio
import pytest
from prometheus_client import CollectorRegistry

from consumers.webhook.carrier import open_carrier
from consumers.webhook.consumer import WebhookConsumer, connect
from telemetry.core.delivery import Delivery, State
from telemetry.courier.metrics import CourierMetrics
from telemetry.courier.service import CourierService, Surroundings
from telemetry.runtime.config import Config, parse_config
from telemetry.runtime.health import Readiness
from telemetry.runtime.settings import Settings
from telemetry.store.attempts import Attempt, Attempts
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.endpoints import Endpoints
from telemetry.store.indexes import queue_indexes, reconcile
from tests.facts import an_event, planned
from tests.receiver import SECRET
from tests.until import until

BRISK: dict[str, Any] = {
    "courier_poll": 1.0,
    "courier_lease": 4.0,
    "record_fresh": 1.0,
    "carry_timeout": 1.0,
    "courier_rest": 0.2,
    "webhook_allow": "127.0.0.0/8",
    "webhook_schedule": "0.05s,0.05s,0.05s",
}


class Agency:
    """A queue of webhooks, and a courier to set to work on it."""

    def __init__(self, connection: Connection, uri: str, database: str) -> None:
        self.connection = connection
        self.queue = Deliveries(connection, "webhook")
        self.endpoints = Endpoints(connection)
        self._where = {"mongodb_uri": uri, "database": database}

    def config(self, **urls: str) -> Config:
        """Write a file with endpoints that want every event."""
        entries = [
            f'[webhook.endpoints.{name}]\nurl = "{url}"\nsecret = "{SECRET}"\nevents = ["*"]'
            for name, url in urls.items()
        ]
        return parse_config("\n".join(entries))

    async def tell(self, consumer: WebhookConsumer, *keys: str) -> list[Delivery]:
        """Offer events, as the watcher does."""
        await consumer.refresh(self.connection)
        deliveries = [delivery for key in keys for delivery in planned(consumer, an_event(key))]
        await self.queue.offer(deliveries)
        return deliveries

    async def row(self, name: str) -> Delivery:
        """Read a delivery by its id."""
        (row,) = await self.queue.fetch([name])
        return row

    async def until(self, state: State, *names: str) -> None:
        """Wait until deliveries stand where they should."""

        async def stand() -> bool:
            """Every delivery is in that state."""
            return all([(await self.row(name)).state is state for name in names])

        await until(stand)

    async def attempts(self, key: str) -> list[Attempt]:
        """Read an event's attempts."""
        return await Attempts(self.connection).of_event(key)

    @asynccontextmanager
    async def courier(self, config: Config, **settings: Any) -> AsyncIterator[None]:
        """Run a courier as its daemon does."""
        chosen = Settings.model_validate(BRISK | self._where | settings)
        metrics = CourierMetrics(CollectorRegistry(), "webhook")
        service = CourierService("webhook", open_carrier, chosen, config, Readiness("database"), metrics, Random(1))
        async with anyio.create_task_group() as group:
            group.start_soon(service.run)
            yield
            group.cancel_scope.cancel()

    def surroundings(self, config: Config, **settings: Any) -> Surroundings:
        """Put together what a carrier is opened with."""
        return Surroundings(Settings.model_validate(BRISK | settings), config, self.connection, Random(1))

    def consumer(self, config: Config) -> WebhookConsumer:
        """Make the consumer."""
        return connect(config)


@pytest.fixture
async def agency(connection: Connection, mongodb_uri: str, database: str) -> Agency:
    """An agency that tells nobody yet."""
    await reconcile(connection, queue_indexes("webhook"))
    return Agency(connection, mongodb_uri, database)
