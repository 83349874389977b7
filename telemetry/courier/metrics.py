"""What a courier counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from telemetry.runtime.measures import delivery_latency


class CourierMetrics:
    """Metrics of one courier process, on a registry of its own."""

    def __init__(self, registry: CollectorRegistry, consumer: str) -> None:
        self.attempts = Counter(
            "tellonce_courier_attempts",
            "Deliveries tried, by what that came to",
            ["consumer", "outcome"],
            registry=registry,
        )
        self.late = _counter("late_settlements", "Outcomes of deliveries that were claimed anew", registry, consumer)
        self.stale = _counter("stale_claims", "Tries given up before the first byte", registry, consumer)
        self.shut = _counter("circuits_shut", "Times a destination was left alone for a while", registry, consumer)
        self.unlogged = _counter("unlogged_attempts", "Attempts that the log did not take", registry, consumer)
        self.lanes = Gauge("tellonce_courier_lanes_active", "Destinations being served", registry=registry)
        self.latency = delivery_latency(registry).labels(consumer)


def _counter(name: str, what: str, registry: CollectorRegistry, consumer: str) -> Counter:
    return Counter(f"tellonce_courier_{name}", what, ["consumer"], registry=registry).labels(consumer)
