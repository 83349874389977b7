"""What the watcher counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from telemetry.runtime.measures import suppressed


class WatchMetrics:
    """Metrics of one watcher process, on a registry of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.active = Gauge("tellonce_watcher_active", "1 while this process holds the lease", registry=registry)
        self.acked = Counter("tellonce_events_acked", "Acks written", ["consumer"], registry=registry)
        self.offered = Counter("tellonce_deliveries_offered", "Deliveries offered", ["consumer"], registry=registry)
        self.offered_again = suppressed(registry).labels("offered_again")
        self.unplanned = Counter(
            "tellonce_events_unplanned", "Events that a consumer could not plan", ["consumer"], registry=registry
        )
        self.failing = Gauge(
            "tellonce_consumer_failing", "1 while a consumer backs off", ["consumer"], registry=registry
        )
        self.hints = Counter("tellonce_hints", "Keys that the change stream told", registry=registry)
        self.swept = Counter("tellonce_events_swept", "Owed events that a sweep found", ["kind"], registry=registry)
        self.occurrences = Counter(
            "tellonce_occurrences",
            "Occurrences, told or left out",
            ["schedule", "came_to"],
            registry=registry,
        )
        self.forgotten = Counter("tellonce_events_forgotten", "Events past their remembrance", registry=registry)
        self.scrubbed = Counter(
            "tellonce_payloads_scrubbed", "Events whose payload was removed before their key", registry=registry
        )
        self.open_runs = Gauge("tellonce_runs_open", "Runs in which something is left to do", registry=registry)
        self.admitted = Counter(
            "tellonce_deliveries_admitted", "Deliveries whose turn in a run had come", ["consumer"], registry=registry
        )
