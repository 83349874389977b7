"""The courier daemon, put together: one for each consumer whose queue is not Discord's."""

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from random import Random
from secrets import token_hex

import anyio
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from telemetry.core.carrier import Carrier
from telemetry.core.errors import ConfigurationError
from telemetry.courier.desk import Desk
from telemetry.courier.metrics import CourierMetrics
from telemetry.courier.rounds import Rounds
from telemetry.runtime.config import Config, expected_one_of
from telemetry.runtime.health import Readiness, health_routes
from telemetry.runtime.service import run_until_signalled
from telemetry.runtime.settings import Settings
from telemetry.runtime.web import WebService
from telemetry.store.attempts import Attempts
from telemetry.store.claims import Claims
from telemetry.store.client import Connection, connect
from telemetry.store.deliveries import Deliveries
from telemetry.store.feed import follow_queue
from telemetry.store.indexes import queue_indexes, reconcile
from telemetry.store.lanes import Lanes

GROUP = "tellonce.couriers"


@dataclass(frozen=True)
class Surroundings:
    """What a carrier may need when it is opened."""

    settings: Settings
    config: Config
    connection: Connection
    chance: Random


OpenCarrier = Callable[[Surroundings], AbstractAsyncContextManager[Carrier]]


def courier_names() -> list[str]:
    """Name the consumers whose couriers are installed."""
    return sorted(point.name for point in entry_points(group=GROUP))


def find_carrier(name: str, points: Iterable[EntryPoint] | None = None) -> OpenCarrier:
    """Find what carries a consumer's deliveries; raise ConfigurationError where none or several are installed."""
    found = {point.value: point for point in (entry_points(group=GROUP) if points is None else points)}
    ours = [point for point in found.values() if point.name == name]
    if not ours:
        known = {point.name for point in found.values()}
        raise ConfigurationError(f"no courier {name!r} is installed; {expected_one_of(name, known)}")
    if len(ours) > 1:
        claims = ", ".join(point.value for point in ours)
        raise ConfigurationError(f"courier {name!r} is registered twice, by {claims}: uninstall one")
    opener: OpenCarrier = ours[0].load()
    return opener


class CourierService:
    """Everything a courier does with the database, from connecting to letting go."""

    def __init__(
        self,
        consumer: str,
        opener: OpenCarrier,
        settings: Settings,
        config: Config,
        readiness: Readiness,
        metrics: CourierMetrics,
        chance: Random,
    ) -> None:
        self.name = f"courier {consumer}"
        self._consumer = consumer
        self._opener = opener
        self._settings = settings
        self._config = config
        self._readiness = readiness
        self._metrics = metrics
        self._chance = chance
        self._holder = token_hex(8)

    async def run(self) -> None:
        """Connect, make ready, and carry whatever waits."""
        settings, queue = self._settings, f"{self._consumer}_queue"
        try:
            async with connect(settings.require_mongodb_uri(), settings.database) as connection:
                around = Surroundings(settings, self._config, connection, self._chance)
                async with self._opener(around) as carrier, anyio.create_task_group() as group:
                    await reconcile(connection, queue_indexes(self._consumer))
                    self._readiness.has("database")
                    group.start_soon(connection.keep_time, name="clock")
                    feed = partial(follow_queue, connection, queue, carrier.beside)
                    await Rounds(self._desk(connection, carrier), feed).run()
        except BaseException as error:
            self._readiness.lacks("database", str(error) or "stopping")
            raise

    def _desk(self, connection: Connection, carrier: Carrier) -> Desk:
        return Desk(
            consumer=self._consumer,
            carrier=carrier,
            claims=Claims(connection, self._consumer),
            queue=Deliveries(connection, self._consumer),
            lanes=Lanes(connection, self._consumer),
            attempts=Attempts(connection),
            clock=connection.clock,
            chance=self._chance,
            settings=self._settings,
            metrics=self._metrics,
            holder=self._holder,
        )


async def run_courier(consumer: str, settings: Settings, config: Config, chance: Random | None = None) -> None:
    """Run a courier until a signal; raise ConfigurationError where the operator must act first."""
    opener = find_carrier(consumer)
    metrics = CollectorRegistry()
    readiness = Readiness("database")
    app = FastAPI(title=f"tellonce courier {consumer}", docs_url=None, redoc_url=None)
    app.include_router(health_routes(readiness, metrics))
    web = WebService(app, settings.health_host, settings.courier_port)
    courier = CourierService(
        consumer,
        opener,
        settings,
        config,
        readiness,
        CourierMetrics(metrics, consumer),
        chance or Random(),  # noqa: S311 - jitter
    )
    await run_until_signalled([web, courier])
