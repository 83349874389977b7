"""One trace a fact, at the collector that the environment names, whichever daemons it passes."""

import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e.world import World, submit
from tests.until import came_true


class Collector:
    """Takes what exporters send, over HTTP as OTLP has it."""

    def __init__(self) -> None:
        self.spans: dict[bytes, list[tuple[str, Any]]] = defaultdict(list)  # (daemon, span) by trace
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = ExportTraceServiceRequest()
                sent.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
                collector.take(sent)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def take(self, sent: ExportTraceServiceRequest) -> None:
        """Keep what was sent."""
        for resource in sent.resource_spans:
            (daemon,) = (a.value.string_value for a in resource.resource.attributes if a.key == "service.name")
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                self.spans[span.trace_id].append((daemon, span))


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that listens."""
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


# Taken, offered to both consumers, and delivered to the one that has a route for it.
WAY = {
    ("tellonce-ingest", "ingest", ""),
    ("tellonce-watch", "offer", "discord"),
    ("tellonce-watch", "offer", "webhook"),
    ("tellonce-bot", "deliver", "discord"),
}


def way(steps: Sequence[tuple[str, Any]]) -> set[tuple[str, str, str]]:
    """Say which daemon did what for which consumer."""
    return {(daemon, span.name, consumer_of(span)) for daemon, span in steps}


def consumer_of(span: Any) -> str:
    """Name the consumer that a step was for."""
    return next((said.value.string_value for said in span.attributes if said.key == "tellonce.consumer"), "")


async def test_a_facts_way_through_the_daemons_is_one_trace(world: World, collector: Collector) -> None:
    world.env |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    daemons = [world.start_plainly(verb) for verb in ("ingest", "watch", "bot")]
    url = await daemons[0].url()
    await daemons[0].ready()
    await submit(url, [{"event": "sign_up", "distinct_id": name} for name in ("u1", "u2")])
    await world.until_shown(["sign_up:u1", "sign_up:u2"])

    def ways() -> list[set[tuple[str, str, str]]]:
        return [way(steps) for steps in list(collector.spans.values())]

    async def told() -> bool:
        """Each fact's trace has its whole way."""
        return ways() == [WAY, WAY]

    await came_true(told)
    assert ways() == [WAY, WAY]
    for steps in collector.spans.values():
        # What is offered or tried once more has a span for each time, and comes later.
        first = {span.name: span for _, span in reversed(steps)}
        root = first["ingest"]
        assert not root.parent_span_id
        assert {root.span_id} == {span.parent_span_id for _, span in steps if span is not root}
        assert root.start_time_unix_nano <= first["offer"].start_time_unix_nano
        assert first["deliver"].end_time_unix_nano >= first["offer"].start_time_unix_nano
