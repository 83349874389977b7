"""What ingest counts."""

from collections.abc import Collection
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from telemetry.core.warning import OTHER, Kind
from telemetry.ingest.accept import Status
from telemetry.runtime.measures import suppressed


class IngestMetrics:
    """Metrics of one ingest process, on a registry of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.events = Counter(
            "tellonce_ingest_events",
            "Events submitted, by type and what became of them",
            ["type", "status"],
            registry=registry,
        )
        self.resubmitted = suppressed(registry).labels("resubmitted")
        self.requests = Counter("tellonce_ingest_requests", "Requests answered", ["status"], registry=registry)
        self.requests.labels(503)
        self.sources = Counter(
            "tellonce_ingest_source_events",
            "Events submitted, by source and whether its rate let them in",
            ["source", "outcome"],
            registry=registry,
        )
        self.warnings = Counter(
            "tellonce_ingest_warnings", "What somebody should look at, by kind", ["kind"], registry=registry
        )
        for kind in Kind:
            self.warnings.labels(kind)
        self.seconds = Histogram("tellonce_ingest_request_seconds", "From request to answer", registry=registry)
        self.queued = Gauge("tellonce_ingest_queued_events", "Events that wait for a write", registry=registry)
        self.group_size = Histogram(
            "tellonce_ingest_group_events",
            "Events in one write",
            registry=registry,
            buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
        )

    def expect(self, types: Collection[str]) -> None:
        """Begin to count what becomes of some types, and of all others: what begins with 1 has not risen."""
        for event_type in {*types, OTHER}:
            for status in get_args(Status):
                self.events.labels(event_type, status)
