"""Every metric that a daemon of the product tells."""

from prometheus_client import CollectorRegistry

from bot.metrics import BotMetrics
from telemetry.courier.metrics import CourierMetrics
from telemetry.ingest.metrics import IngestMetrics
from telemetry.store.client import Connection
from telemetry.watcher.gauges import Gauges
from telemetry.watcher.metrics import WatchMetrics


async def every_metric(connection: Connection) -> dict[str, frozenset[str]]:
    """Give the labels of each metric by the name that Prometheus stores, of every daemon; a histogram has three."""
    found: dict[str, frozenset[str]] = {}
    for make in (IngestMetrics, WatchMetrics, BotMetrics, lambda registry: CourierMetrics(registry, "webhook")):
        registry = CollectorRegistry()
        made = make(registry)
        labelled = {value._name: frozenset(value._labelnames) for value in vars(made).values()}
        for family in registry.collect():
            found |= dict.fromkeys(_stored(family.name, family.type), labelled.get(family.name, frozenset()))
    gauges = Gauges()
    gauges.connection = connection
    await gauges.refresh()
    for family in gauges.collect():
        found[family.name] = frozenset(name for sample in family.samples for name in sample.labels)
    return found


def _stored(name: str, kind: str) -> list[str]:
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    return [f"{name}{ending}" for ending in endings.get(kind, ("",))]
