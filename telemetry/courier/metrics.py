"""What a courier counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LATENCIES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 36000)


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
        self.latency = Histogram(
            "tellonce_courier_latency_seconds", "From due to delivered", registry=registry, buckets=LATENCIES
        )


def _counter(name: str, what: str, registry: CollectorRegistry, consumer: str) -> Counter:
    return Counter(f"tellonce_courier_{name}", what, ["consumer"], registry=registry).labels(consumer)
