"""Steps as OpenTelemetry's spans, sent in the background; imported only where there is somewhere to send them."""

import atexit
import secrets
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from threading import Event, Thread

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from telemetry.core.clock import micros
from telemetry.core.step import Step, sampled, trace_of

SCOPE = InstrumentationScope("tellonce", version("tellonce"))
KEPT = TraceFlags(TraceFlags.SAMPLED)
# A collector that is away is tried for half a minute, and a container is killed long before.
LAST_SECONDS = 2.0


def exporter(daemon: str, ratio: float) -> Callable[[Step], None]:
    """Make what sends the steps of a part of all facts; what is left is sent when the process ends, in two seconds."""
    resource = Resource.create({"service.name": f"tellonce-{daemon}", "service.version": version("tellonce")})
    processor = BatchSpanProcessor(OTLPSpanExporter())
    atexit.register(_last_words(processor.shutdown))

    def send(step: Step) -> None:
        trace, _ = trace_of(step.key, step.receipt)
        if sampled(trace, ratio):
            processor.on_end(span_of(step, resource))

    return send


def _last_words(shut_down: Callable[[], None]) -> Callable[[], None]:
    """Make what sends the spans that are left, for as long as a process that stops may take for them."""
    stops = Event()

    def send() -> None:
        stops.wait()
        shut_down()

    # Begun now, as a process that stops begins no more; and it ends with the process, whatever it waits for.
    thread = Thread(target=send, name="last spans", daemon=True)
    thread.start()

    def leave() -> None:
        stops.set()
        thread.join(LAST_SECONDS)

    return leave


def span_of(step: Step, resource: Resource) -> ReadableSpan:
    """Make the span of a step, below the first one of its fact."""
    trace, first = trace_of(step.key, step.receipt)
    root = SpanContext(trace, first, is_remote=False, trace_flags=KEPT)
    return ReadableSpan(
        name=step.name,
        context=root if step.first else SpanContext(trace, _new_id(), is_remote=False, trace_flags=KEPT),
        parent=None if step.first else root,
        resource=resource,
        attributes={"tellonce.key": step.key, **{f"tellonce.{name}": said for name, said in step.attributes.items()}},
        status=Status(StatusCode.ERROR, step.wrong) if step.wrong else Status(StatusCode.UNSET),
        start_time=_nanoseconds(step.began),
        end_time=_nanoseconds(step.ended),
        instrumentation_scope=SCOPE,
    )


def _new_id() -> int:
    return secrets.randbits(64) or 1


def _nanoseconds(moment: datetime) -> int:
    return micros(moment) * 1000
