from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from typing import Any

import anyio
import pytest
from prometheus_client import CollectorRegistry

from telemetry.core.carrier import Carrier, Closed, Errand, Terms
from telemetry.core.delivery import Delivery, State
from telemetry.core.outcome import Delivered, Outcome
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
from tests.facts import a_delivery, an_event
from tests.until import PATIENCE, until

CONSUMER = "parcel"
HOUSE = "parcel:house"
BRISK = {"courier_poll": 0.3, "courier_lease": 3.0, "record_fresh": 1.0, "carry_timeout": 1.0, "courier_rest": 0.2}


class Postman(Carrier):
    """Carries as it is told to, and keeps what it carried."""

    def __init__(self) -> None:
        self.carried: list[str] = []
        self.ids: list[str] = []
        self.closed: dict[str, str] = {}
        self.asked = Terms()
        self.under_way = 0
        self.most_under_way = 0
        self.does: Callable[[Errand], Any] = lambda _: Delivered()

    async def terms(self, destination: str) -> Terms | Closed:
        return Closed(self.closed[destination]) if destination in self.closed else self.asked

    async def carry(self, errand: Errand) -> Outcome:
        self.carried.append(errand.delivery.event)
        self.ids.append(errand.id)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            outcome = self.does(errand)
            return outcome if isinstance(outcome, Outcome) else await outcome
        finally:
            self.under_way -= 1


class Office:
    """A queue, and couriers to set to work on it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.queue = Deliveries(connection, CONSUMER)
        self.claims = Claims(connection, CONSUMER)
        self.lanes = Lanes(connection, CONSUMER)
        self.completions = Completions(connection, CONSUMER)
        self.postman = Postman()

    async def offer(self, *keys: str, to: str = HOUSE, **fields: Any) -> list[Delivery]:
        """Put deliveries in the queue, in this order."""
        deliveries = [a_delivery(an_event(key), to, **fields) for key in keys]
        await self.queue.offer(deliveries)
        return deliveries

    async def row(self, key: str) -> Delivery:
        """Read a delivery."""
        (row,) = await self.queue.of_event(key)
        return row

    async def attempts(self, key: str) -> Sequence[Attempt]:
        """Read the attempts of an event's delivery."""
        return await Attempts(self.connection).of_event(key)

    async def until_all(self, state: State, *keys: str, seconds: float = PATIENCE) -> None:
        """Wait until deliveries stand where they should."""

        async def stand() -> bool:
            """Every delivery is in that state."""
            return all([(await self.row(key)).state is state for key in keys])

        await until(stand, seconds)

    def desk(self, holder: str = "courier-1", **settings: Any) -> Desk:
        """Put together what a courier works with."""
        return Desk(
            consumer=CONSUMER,
            carrier=self.postman,
            claims=self.claims,
            queue=self.queue,
            lanes=self.lanes,
            halts=Halts(self.connection, CONSUMER),
            attempts=Attempts(self.connection),
            completions=self.completions,
            publishing=Publishing(self.completions, Events(self.connection), self.connection.clock),
            clock=self.connection.clock,
            chance=Random(1),
            settings=Settings.model_validate(BRISK | settings),
            metrics=CourierMetrics(CollectorRegistry(), CONSUMER),
            holder=holder,
        )

    @asynccontextmanager
    async def courier(self, desk: Desk | None = None, **settings: Any) -> AsyncIterator[Desk]:
        """Run a courier; leaving stops it as SIGTERM does."""
        desk = desk or self.desk(**settings)
        rounds = Rounds(desk, partial(follow_queue, self.connection, f"{CONSUMER}_queue", BESIDE))
        async with anyio.create_task_group() as group:
            group.start_soon(rounds.run)
            yield desk
            group.cancel_scope.cancel()


@pytest.fixture
async def office(connection: Connection) -> Office:
    """An office whose postman delivers everything."""
    await reconcile(connection, queue_indexes(CONSUMER))
    return Office(connection)
