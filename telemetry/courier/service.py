"""The courier daemon, put together: one for each consumer whose queue is not Discord's."""

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from random import Random
from secrets import token_hex

import anyio
from prometheus_client import CollectorRegistry

from telemetry.core.carrier import Carrier
from telemetry.core.errors import ConfigurationError
from telemetry.courier.desk import Desk
from telemetry.courier.metrics import CourierMetrics
from telemetry.courier.publishing import Publishing
from telemetry.courier.rounds import Rounds
from telemetry.runtime.config import CONSUMERS_GROUP, Config, expected_one_of
from telemetry.runtime.families import family_carriers, found_once, source_of
from telemetry.runtime.health import Health, Readiness, health_app
from telemetry.runtime.logs import get_logger
from telemetry.runtime.service import run_until_signalled
from telemetry.runtime.settings import Settings
from telemetry.runtime.web import WebService
from telemetry.store.attempts import Attempts
from telemetry.store.claims import Claims
from telemetry.store.client import Connection, connect
from telemetry.store.completions import Completions
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.feed import follow_queue
from telemetry.store.indexes import queue_indexes, reconcile
from telemetry.store.lanes import Lanes
from telemetry.store.pauses import BESIDE, Halts

log = get_logger(__name__)

GROUP = "tellonce.couriers"


@dataclass(frozen=True)
class Surroundings:
    """What a carrier may need when it is opened."""

    settings: Settings
    config: Config
    connection: Connection
    chance: Random


OpenCarrier = Callable[[Surroundings], AbstractAsyncContextManager[Carrier]]


def installed_couriers() -> list[str]:
    """Name the consumers whose couriers are installed, but for those of families."""
    return sorted(point.name for point in entry_points(group=GROUP))


def courier_names(settings: Settings, config: Config) -> list[str]:
    """Name every consumer that a courier here could serve, the installed ones first."""
    return [*installed_couriers(), *sorted(family_carriers(settings, config))]


def find_carrier(
    name: str, settings: Settings, config: Config, points: Iterable[EntryPoint] | None = None
) -> OpenCarrier:
    """Find what carries a consumer's deliveries; raise ConfigurationError where there is nothing, or several do."""
    found = found_once(GROUP, points)
    ours = [point for point in found if point.name == name]
    family = family_carriers(settings, config) if points is None else {}
    claims = [point.value for point in ours]
    if name in family:
        # Also where that consumer's courier is none of ours, as the bot is.
        claims += [source_of(family[name]), *(p.value for p in entry_points(group=CONSUMERS_GROUP, name=name))]
    if not claims:
        known = {point.name for point in found} | family.keys()
        raise ConfigurationError(f"no courier {name!r} is installed; {expected_one_of(name, known)}")
    if len(claims) > 1:
        raise ConfigurationError(f"courier {name!r} is registered twice, by {', '.join(claims)}: give one another name")
    opener: OpenCarrier = family[name] if name in family else ours[0].load()
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
                    log.info("courier.begun", consumer=self._consumer, holder=self._holder)
                    group.start_soon(connection.keep_time, name="clock")
                    feed = partial(follow_queue, connection, queue, (*BESIDE, *carrier.beside))
                    await Rounds(self._desk(connection, carrier), feed).run()
        except BaseException as error:
            self._readiness.lacks("database", str(error) or "stopping")
            raise

    def _desk(self, connection: Connection, carrier: Carrier) -> Desk:
        completions = Completions(connection, self._consumer)
        return Desk(
            consumer=self._consumer,
            carrier=carrier,
            claims=Claims(connection, self._consumer),
            queue=Deliveries(connection, self._consumer),
            lanes=Lanes(connection, self._consumer),
            halts=Halts(connection, self._consumer),
            attempts=Attempts(connection),
            completions=completions,
            publishing=Publishing(completions, Events(connection), connection.clock),
            clock=connection.clock,
            chance=self._chance,
            settings=self._settings,
            metrics=self._metrics,
            holder=self._holder,
        )


async def run_courier(consumer: str, settings: Settings, config: Config, chance: Random | None = None) -> None:
    """Run a courier until a signal; raise ConfigurationError where the operator must act first."""
    opener = find_carrier(consumer, settings, config)
    metrics = CollectorRegistry()
    readiness = Readiness("database")
    web = WebService(health_app(Health(readiness, metrics)), settings.health_host, settings.courier_port)
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
