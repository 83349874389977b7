"""The watch daemon, put together."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from random import Random
from secrets import token_hex

import anyio
from prometheus_client import CollectorRegistry

from telemetry.core.canary import CANARY, REMEMBERED
from telemetry.core.consumer import Consumer
from telemetry.core.run import Limits
from telemetry.runtime.alerts import read_alerts
from telemetry.runtime.config import Config
from telemetry.runtime.health import Health, Readiness, health_app
from telemetry.runtime.logs import get_logger
from telemetry.runtime.schedules import read_schedules
from telemetry.runtime.service import run_until_signalled
from telemetry.runtime.settings import Settings
from telemetry.runtime.web import WebService
from telemetry.store.audiences import COLLECTION as AUDIENCES
from telemetry.store.client import Connection, DatabaseClock, connect
from telemetry.store.commands import Session
from telemetry.store.deferred import Deferred
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.feed import follow_events
from telemetry.store.indexes import declared, reconcile
from telemetry.store.leases import Leases
from telemetry.store.registry import Registry
from telemetry.store.runs import COLLECTION as RUNS
from telemetry.store.schedules import COLLECTION as SCHEDULES
from telemetry.store.schedules import Schedules
from telemetry.watcher.adoption import adopt
from telemetry.watcher.alarm import Alarm, Proof
from telemetry.watcher.conductor import Conductor
from telemetry.watcher.consumers import load_consumers, refresher
from telemetry.watcher.dispatch import Dispatcher
from telemetry.watcher.duty import Duty
from telemetry.watcher.fan_out import FanOuts
from telemetry.watcher.gauges import Gauges
from telemetry.watcher.memory import Memory
from telemetry.watcher.metrics import WatchMetrics
from telemetry.watcher.party import Party
from telemetry.watcher.sweep import Progress, Sweep
from telemetry.watcher.timetable import Timetable
from telemetry.watcher.watcher import Lane, Watcher

log = get_logger(__name__)

DUTY = "watcher"
FORGET_EVERY = 3600.0


class WatchService:
    """Everything the watch daemon does with the database, from connecting to letting go."""

    name = "watcher"

    def __init__(
        self,
        settings: Settings,
        config: Config,
        consumers: Sequence[Consumer],
        readiness: Readiness,
        metrics: WatchMetrics,
        gauges: Gauges,
        chance: Random,
        prove: Proof | None = None,
    ) -> None:
        self._settings = settings
        self._config = config
        self._consumers = consumers
        self._readiness = readiness
        self._metrics = metrics
        self._gauges = gauges
        self._chance = chance
        self._alerts = read_alerts(config)
        self._prove = prove
        self._adopted = False
        self._holder = token_hex(8)
        self._progress = Progress()

    async def run(self) -> None:
        """Connect, make ready, and watch whenever the duty is ours."""
        try:
            async with self._connect() as connection:
                await self._make_ready(connection)
                self._gauges.connection = connection
                async with anyio.create_task_group() as group:
                    group.start_soon(connection.keep_time, name="clock")
                    await self._duty(connection).run(partial(self._watch, connection))
        except BaseException as error:
            self._gauges.connection = None
            self._readiness.lacks("database", str(error) or "stopping")
            raise

    def _connect(self) -> AbstractAsyncContextManager[Connection]:
        return connect(self._settings.require_mongodb_uri(), self._settings.database)

    async def _make_ready(self, connection: Connection) -> None:
        names = [consumer.name for consumer in self._consumers]
        for done in await reconcile(connection, declared(names)):
            log.info("index.reconciled", index=f"{done.index.collection}.{done.index.name}", action=done.action)
        for name in names:
            await Registry(connection).register(name)
        if not self._adopted:
            # Once a process: one that comes back from an outage must not undo what a newer file brought.
            # By the database's time: an interval is counted from it.
            await adopt(Schedules(connection), read_schedules(self._config, connection.clock.now()))
            self._adopted = True
        self._readiness.has("database")

    def _duty(self, connection: Connection) -> Duty:
        seconds, renewal = self._settings.lease, self._settings.lease_renewal
        return Duty(DUTY, self._holder, Leases(connection), connection.clock, seconds, renewal)

    async def _watch(self, connection: Connection) -> None:
        self._metrics.active.set(1)
        try:
            async with (
                connection.causal() as quick,
                connection.causal() as thorough,
                anyio.create_task_group() as group,
            ):
                conductor, timetable = self._conductor(connection), self._timetable(connection)
                fan_outs = FanOuts(connection, self._metrics, conductor.wake, self._settings.batch)
                await fan_outs.resume()
                group.start_soon(self._memory(connection).run, name="memory")
                group.start_soon(timetable.run, name="timetable")
                group.start_soon(conductor.run, name="conductor")
                group.start_soon(fan_outs.run, name="fan-outs")
                if self._alerts:
                    group.start_soon(Alarm(connection, self._alerts, self._prove).run, name="alarm")
                beside: Mapping[str, Callable[[], None]] = {
                    SCHEDULES: timetable.changed,
                    RUNS: conductor.wake,
                    AUDIENCES: partial(self._audiences_changed, fan_outs),
                }
                await self._watcher(connection, quick, thorough, fan_outs, beside).run()
        finally:
            self._metrics.active.set(0)

    def _audiences_changed(self, fan_outs: FanOuts) -> None:
        if fan_outs.audiences_changed():
            # Whatever was owed to one that was lacking is found by a full pass.
            self._progress.next_full = 0.0

    def _memory(self, connection: Connection) -> Memory:
        types = self._config.types.items()
        finite = {CANARY: REMEMBERED} | {name: policy.remember for name, policy in types if policy.remember is not None}
        payload = {name: policy.payload for name, policy in types if policy.payload is not None}
        return Memory(connection, connection.clock, finite, self._metrics, FORGET_EVERY, payload)

    def _conductor(self, connection: Connection) -> Conductor:
        settings = self._settings
        limits = Limits(settings.run_accounts, settings.run_destinations, settings.run_rate)
        return Conductor(connection, self._consumers, limits, connection.clock, self._chance, self._metrics)

    def _timetable(self, connection: Connection) -> Timetable:
        every = self._settings.full_sweep_every
        return Timetable(Schedules(connection), Events(connection), connection.clock, self._metrics, every)

    def _watcher(
        self,
        connection: Connection,
        quick: Session,
        thorough: Session,
        fan_outs: FanOuts,
        beside: Mapping[str, Callable[[], None]],
    ) -> Watcher:
        parties = [
            Party(consumer, Deliveries(connection, consumer.name), refresher(consumer, connection))
            for consumer in self._consumers
        ]
        settings = self._settings
        return Watcher(
            partial(follow_events, connection, tuple(beside)),
            self._lane(connection, quick, parties, fan_outs),
            self._lane(connection, thorough, parties, fan_outs),
            Sweep(
                Events(connection, thorough), self._progress, connection.clock, settings.sweep_overlap, settings.batch
            ),
            connection.clock,
            self._metrics,
            batch=settings.batch,
            sweep_every=settings.sweep_every,
            full_sweep_every=settings.full_sweep_every,
            beside=beside,
        )

    def _lane(self, connection: Connection, session: Session, parties: Sequence[Party], fan_outs: FanOuts) -> Lane:
        events, deferred = Events(connection, session), Deferred(connection, session)
        registry, clock = Registry(connection, session), connection.clock
        return Lane(
            events, Dispatcher(parties, events, deferred, registry, clock, self._chance, self._metrics, fan_outs)
        )


async def run_watch(
    settings: Settings, config: Config, chance: Random | None = None, prove: Proof | None = None
) -> None:
    """Run the watch daemon until a signal; raise ConfigurationError where the operator must act first.

    `prove` counts breaches of the conservation law, where the file has it proven now and then.
    """
    metrics = CollectorRegistry()
    readiness = Readiness("database")
    consumers = load_consumers(config, settings)
    # What is wrong with them is said before anything is begun.
    read_schedules(config, DatabaseClock().now())
    gauges = Gauges()
    metrics.register(gauges)
    health = Health(readiness, metrics, gauges.refresh)
    web = WebService(health_app(health), settings.health_host, settings.watch_port)
    chance = chance or Random()  # noqa: S311 - jitter
    counted = WatchMetrics(metrics)
    watcher = WatchService(settings, config, consumers, readiness, counted, gauges, chance, prove)
    await run_until_signalled([web, watcher])
