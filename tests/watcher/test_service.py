"""The watch daemon, made ready."""

from datetime import UTC, datetime, timedelta
from random import Random

from prometheus_client import CollectorRegistry

from telemetry.core.timing import Every
from telemetry.runtime.config import parse_config
from telemetry.runtime.health import Readiness
from telemetry.runtime.settings import Settings
from telemetry.store.client import Connection
from telemetry.watcher.gauges import Gauges
from telemetry.watcher.metrics import WatchMetrics
from telemetry.watcher.service import WatchService
from tests.timed import get

FILE = '[schedules.often]\nevent = "reminder"\nevery = "15m"\n'


async def test_an_interval_of_the_file_is_counted_from_when_it_was_added_by_the_databases_time(
    connection: Connection,
) -> None:
    """
    However wrong the clock of this host is.
    """
    here, clock = datetime.now(UTC), connection.clock
    clock.learn(here + timedelta(hours=1), clock.monotonic(), clock.monotonic())
    metrics, config = WatchMetrics(CollectorRegistry()), parse_config(FILE, "here.toml")
    service = WatchService(Settings.read({}), config, [], Readiness("database"), metrics, Gauges(), Random(1))

    await service._make_ready(connection)

    known = await get(connection, "often")
    assert isinstance(known.entry.timing, Every)
    assert timedelta() <= known.cursor - known.entry.timing.anchor < timedelta(seconds=60)
    assert known.upcoming == known.entry.timing.anchor + timedelta(minutes=15)
