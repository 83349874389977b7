"""How much waits in the whole deployment, read from the database when the metrics are asked for."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import anyio
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from telemetry.core.delivery import State
from telemetry.core.errors import TellonceError
from telemetry.store.backlog import MOST_COUNTED, Backlog, read_backlog
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.oplog import oplog_window
from telemetry.store.pauses import Pauses
from telemetry.store.registry import Registry

# Who scrapes more often, or from several places, asks the database no more often.
FRESH = 10.0
# A scrape gives up sooner than Prometheus does (10 s), and tells the rest.
PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What the database said last."""

    at: datetime
    backlogs: Mapping[str, Backlog]  # by consumer
    paused: Collection[str]
    withheld: Mapping[str, int]  # deliveries by consumer
    oplog: float | None  # seconds


class Gauges(Collector):
    """Metrics of the deployment, the same from every watcher; absent while the database cannot be asked."""

    def __init__(self, monotonic: Callable[[], float] = anyio.current_time) -> None:
        self.connection: Connection | None = None
        self._monotonic = monotonic
        self._lock = anyio.Lock()
        self._asked_at = float("-inf")
        self._reading: Reading | None = None

    async def refresh(self) -> None:
        """Ask the database, unless it was asked a moment ago."""
        async with self._lock:
            if self._monotonic() - self._asked_at < FRESH:
                return
            self._reading = None
            with anyio.move_on_after(PATIENCE):
                self._reading = await self._read()
            self._asked_at = self._monotonic()

    async def _read(self) -> Reading | None:
        connection = self.connection
        if connection is None:
            return None
        try:
            consumers = await Registry(connection).read()
            found = {name: await read_backlog(connection, name, most=MOST_COUNTED) for name in consumers}
            paused = {name for name, consumer in consumers.items() if consumer.paused}
            withheld = await _withheld(connection, found)
            return Reading(connection.clock.now(), found, paused, withheld, await oplog_window(connection))
        except TellonceError:
            return None

    def collect(self) -> Iterable[Metric]:
        """Give what was read."""
        return _families(self._reading) if self._reading else ()

    def describe(self) -> Iterable[Metric]:
        """Name nothing ahead: what is not known is not there."""
        return ()


async def _withheld(connection: Connection, consumers: Collection[str]) -> dict[str, int]:
    """Count what waits at destinations that are paused."""
    withheld = dict.fromkeys(consumers, 0)
    for destination in await Pauses(connection).read():
        for name in consumers:
            found = await Deliveries(connection, name).count([State.PENDING], destination, most=MOST_COUNTED)
            withheld[name] += found[State.PENDING]
    return withheld


def _families(reading: Reading) -> Iterator[Metric]:
    owed = GaugeMetricFamily("tellonce_events_owed", f"Due events, at most {MOST_COUNTED}", labels=["consumer"])
    later = GaugeMetricFamily("tellonce_events_later", "Events due later", labels=["consumer"])
    age = GaugeMetricFamily("tellonce_oldest_owed_age_seconds", "Since the oldest was due", labels=["consumer"])
    rows = GaugeMetricFamily("tellonce_deliveries", "Deliveries that are not done", labels=["consumer", "state"])
    paused = GaugeMetricFamily("tellonce_consumer_paused", "1 while an operator has it paused", labels=["consumer"])
    withheld = GaugeMetricFamily(
        "tellonce_deliveries_withheld", "Pending deliveries whose destination is paused", labels=["consumer"]
    )
    for name, backlog in reading.backlogs.items():
        withheld.add_metric([name], reading.withheld[name])
        paused.add_metric([name], name in reading.paused)
        owed.add_metric([name], backlog.owed)
        later.add_metric([name], backlog.later)
        waited = (reading.at - backlog.oldest_owed).total_seconds() if backlog.oldest_owed else 0.0
        age.add_metric([name], max(waited, 0.0))
        for state, number in backlog.rows.items():
            rows.add_metric([name, state.value], number)
    yield from (owed, later, age, rows, paused, withheld)
    if reading.oplog is not None:
        window = "How far back change streams can begin: a watcher away for longer sweeps instead"
        yield GaugeMetricFamily("tellonce_oplog_window_seconds", window, value=reading.oplog)
