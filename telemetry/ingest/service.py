"""The ingest daemon, put together."""

from secrets import token_hex

import anyio
from prometheus_client import CollectorRegistry

from telemetry.core.errors import UnavailableError
from telemetry.ingest.app import Door, make_app
from telemetry.ingest.auth import Callers
from telemetry.ingest.group_commit import GroupCommit
from telemetry.ingest.intake import Intake
from telemetry.ingest.limits import Limits
from telemetry.ingest.metrics import IngestMetrics
from telemetry.ingest.policies import Policies
from telemetry.ingest.tally import Tally
from telemetry.ingest.unerased import Unerased
from telemetry.ingest.usage import Usage
from telemetry.ingest.warner import Warner
from telemetry.runtime.config import Config
from telemetry.runtime.health import Readiness
from telemetry.runtime.logs import get_logger
from telemetry.runtime.service import Service, keep_running, run_until_signalled
from telemetry.runtime.settings import Settings
from telemetry.runtime.web import WebService
from telemetry.store.canaries import Canaries
from telemetry.store.client import Connection, connect
from telemetry.store.deferred import Deferred
from telemetry.store.events import Events
from telemetry.store.indexes import OWED, reconcile
from telemetry.store.keys import Keys
from telemetry.store.repeats import RepeatCounts
from telemetry.store.sources import Sources
from telemetry.store.warnings import Warnings

log = get_logger(__name__)

PULSE_EVERY = 10.0
AGAIN_AFTER = 1.0


class Storing:
    """What ingest does with the database: makes ready, opens the door, and writes until it is cancelled."""

    name = "storing"

    def __init__(self, settings: Settings, config: Config, door: Door, readiness: Readiness) -> None:
        self._settings = settings
        self._config = config
        self._door = door
        self._readiness = readiness
        self._away: bool | None = None  # not known yet

    async def run(self) -> None:
        """Store what comes in by the door; wait for the database where it is away."""
        uri = self._settings.require_mongodb_uri()
        while True:
            try:
                async with connect(uri, self._settings.database) as connection:
                    await reconcile(connection, [OWED])
                    policies = Policies(Keys(connection), self._config, connection.clock)
                    await policies.check()
                    self._door.metrics.expect(policies.types)
                    usage = Usage(Sources(connection), connection.clock)
                    callers = await self._know_callers(connection, usage)
                    await self._store(connection, policies, callers, usage)
            except UnavailableError as error:
                self._health(str(error))
            finally:
                self._door.intake = self._door.callers = self._door.warner = None
            await anyio.sleep(AGAIN_AFTER)

    async def _know_callers(self, connection: Connection, usage: Usage) -> Callers:
        callers = Callers(
            self._settings.ingest_keys,
            Sources(connection),
            connection.clock,
            self._health,
            usage.note,
            patience=self._settings.ingest_timeout,
        )
        await callers.check()
        if callers.open:
            self._settings.require_ingest_keys()
        return callers

    async def _store(self, connection: Connection, policies: Policies, callers: Callers, usage: Usage) -> None:
        metrics, settings = self._door.metrics, self._settings
        limits = Limits(callers.rate_of, connection.clock, metrics)
        warner = Warner(Warnings(connection), connection.clock, metrics, lambda: token_hex(8))
        commit = GroupCommit(
            Unerased(connection, Events(connection), lambda: policies.secret),
            Deferred(connection).revise,
            policies,
            connection.clock,
            metrics,
            self._health,
            most=settings.commit_max,
            room=settings.queue_limit,
        )
        tally = Tally(RepeatCounts(connection), connection.clock, lambda: token_hex(8))
        self._door.intake = Intake(
            policies,
            commit,
            connection.clock,
            metrics,
            self._health,
            lambda: token_hex(8),
            Canaries(connection).destinations,
            tally.note,
            limits.admitted,
            warner,
            max_event_bytes=self._config.ingest.max_event_bytes,
            patience=settings.ingest_timeout,
        )
        self._door.callers, self._door.warner = callers, warner
        self._health(None)
        async with anyio.create_task_group() as group:
            group.start_soon(self._feel_pulse, connection, name="pulse")
            group.start_soon(tally.run, name="tally")
            group.start_soon(usage.run, name="usage")
            group.start_soon(warner.run, name="warner")
            await commit.run()

    async def _feel_pulse(self, connection: Connection) -> None:
        while True:
            was_away = bool(self._readiness.waiting)
            await anyio.sleep(AGAIN_AFTER if was_away else PULSE_EVERY)
            try:
                await connection.measure_clock()
                if was_away:
                    # What came back may be another server, or an older state of this one.
                    await reconcile(connection, [OWED])
            except UnavailableError as error:
                self._health(str(error))
            else:
                self._health(None)

    def _health(self, trouble: str | None) -> None:
        if trouble is None:
            self._readiness.has("database")
        else:
            self._readiness.lacks("database", trouble)
        if self._away != (trouble is not None):
            self._away = trouble is not None
            log.warning("database.away", why=trouble) if trouble else log.info("database.there")


class IngestService:
    """The web in front and the writer behind it: the writer outlives the last answer."""

    name = "ingest"

    def __init__(self, web: WebService, storing: Service) -> None:
        self._web = web
        self._storing = storing

    async def run(self) -> None:
        """Serve until cancelled, then finish the answers under way before the writing ends."""
        behind = anyio.CancelScope(shield=True)
        async with anyio.create_task_group() as group:
            group.start_soon(self._write, behind, name="storing")
            try:
                await self._web.run()
            finally:
                behind.cancel()

    async def _write(self, behind: anyio.CancelScope) -> None:
        with behind:
            await keep_running(self._storing)


async def run_ingest(settings: Settings, config: Config) -> None:
    """Run the ingest daemon until a signal; raise ConfigurationError where the operator must act first."""
    settings.require_mongodb_uri()
    registry = CollectorRegistry()
    readiness = Readiness("database")
    door = Door(config.ingest, IngestMetrics(registry))
    web = WebService(make_app(door, readiness, registry), settings.ingest_host, settings.ingest_port, "ingest")
    await run_until_signalled([IngestService(web, Storing(settings, config, door, readiness))])
