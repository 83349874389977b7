import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from typing import Any

import anyio
import pytest
from prometheus_client import CollectorRegistry

from consumers.handler import on
from consumers.handler.carrier import HandlerCarrier
from consumers.handler.consumer import HandlerConsumer
from consumers.handler.registration import MARK, Function, Registration
from telemetry.core.delivery import Delivery, State
from telemetry.core.event import Event
from telemetry.courier.desk import Desk
from telemetry.courier.metrics import CourierMetrics
from telemetry.courier.publishing import Publishing
from telemetry.courier.rounds import Rounds
from telemetry.runtime.settings import Settings
from telemetry.store.attempts import Attempt, Attempts
from telemetry.store.claims import Claims
from telemetry.store.client import Connection
from telemetry.store.completions import Completions
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.feed import follow_queue
from telemetry.store.indexes import queue_indexes, reconcile
from telemetry.store.lanes import Lanes
from telemetry.store.pauses import BESIDE, Halts
from tests.facts import an_event
from tests.until import PATIENCE, until

BRISK = {"courier_poll": 0.3, "courier_lease": 2.0, "record_fresh": 0.9, "carry_timeout": 1.0, "courier_rest": 0.2}
NAME = "find_winners"


def a_handler(function: Function, **options: Any) -> Registration:
    """Make a handler of a function, as `@on` does."""
    registered: Registration = getattr(on("*", name=NAME, **options)(function), MARK)
    return registered


class Workshop:
    """A handler's queue, and couriers that call the handler."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.queue = Deliveries(connection, NAME)
        self.claims = Claims(connection, NAME)
        self.completions = Completions(connection, NAME)
        self.events = Events(connection)

    async def offer(self, handler: Registration, *keys: str) -> list[Delivery]:
        """Put deliveries of events in the queue, as the watcher does."""
        consumer = HandlerConsumer(handler, frozenset())
        deliveries = [delivery for key in keys for delivery in consumer.plan(an_event(key))]
        await self.queue.offer(deliveries)
        return deliveries

    async def row(self, key: str) -> Delivery:
        """Read a delivery."""
        (row,) = await self.queue.of_event(key)
        return row

    async def attempts(self, key: str) -> list[Attempt]:
        """Read the attempts of an event's delivery."""
        return await Attempts(self.connection).of_event(key)

    async def emitted(self) -> list[Event]:
        """Read every event that is stored: here, those that handlers emitted."""
        rows = await self.connection["events"].find({}).sort("order", 1).to_list(None)
        return await self.events.fetch([row["_id"] for row in rows])

    async def until_all(self, state: State, *keys: str, seconds: float = PATIENCE) -> None:
        """Wait until deliveries stand where they should."""

        async def stand() -> bool:
            """Every delivery is in that state."""
            return all([(await self.row(key)).state is state for key in keys])

        await until(stand, seconds)

    async def until_told(self) -> None:
        """Wait until nothing is left to be told."""

        async def told() -> bool:
            """No row holds follow-up events."""
            return not await self.completions.left("", 1)

        await until(told)

    def desk(self, handler: Registration, **settings: Any) -> Desk:
        """Put together what a courier works with."""
        return Desk(
            consumer=NAME,
            carrier=HandlerCarrier(handler, self.connection),
            claims=self.claims,
            queue=self.queue,
            lanes=Lanes(self.connection, NAME),
            halts=Halts(self.connection, NAME),
            attempts=Attempts(self.connection),
            completions=self.completions,
            publishing=Publishing(self.completions, self.events, self.connection.clock),
            clock=self.connection.clock,
            chance=Random(1),
            settings=Settings.model_validate(BRISK | settings),
            metrics=CourierMetrics(CollectorRegistry(), NAME),
            holder=secrets.token_hex(4),
        )

    @asynccontextmanager
    async def courier(self, handler: Registration, **settings: Any) -> AsyncIterator[Desk]:
        """Run a courier; leaving stops it as SIGTERM does."""
        desk = self.desk(handler, **settings)
        rounds = Rounds(desk, partial(follow_queue, self.connection, f"{NAME}_queue", BESIDE))
        async with anyio.create_task_group() as group:
            group.start_soon(rounds.run)
            yield desk
            group.cancel_scope.cancel()


@pytest.fixture
async def workshop(connection: Connection) -> Workshop:
    """A handler's queue with its indexes."""
    await reconcile(connection, queue_indexes(NAME))
    return Workshop(connection)
