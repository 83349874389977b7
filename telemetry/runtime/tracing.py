"""Traces, where the environment says where they go; otherwise nothing is made of a step.

The environment is OpenTelemetry's: OTEL_EXPORTER_OTLP_ENDPOINT, or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT; and
OTEL_TRACES_SAMPLER_ARG, the part of all facts that is traced, from 0 to 1.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from importlib import import_module

from telemetry.core.delivery import Delivery
from telemetry.core.errors import ConfigurationError
from telemetry.core.event import Event
from telemetry.core.outcome import Delivered, Outcome, name_of
from telemetry.core.step import Said, Step

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
RATIO = "OTEL_TRACES_SAMPLER_ARG"

Sink = Callable[[Step], None]


class Tracing:
    """Where steps go; like the log it is set up once, when a daemon starts."""

    def __init__(self) -> None:
        self._sink: Sink | None = None

    def configure(self, daemon: str, environ: Mapping[str, str]) -> None:
        """Send steps where the environment says; raise ConfigurationError where that cannot be done."""
        if not any(environ.get(name) for name in ENDPOINTS):
            return
        ratio = _ratio(environ.get(RATIO) or "1")
        try:
            exporting = import_module("telemetry.runtime.exporting")
        except ImportError as error:
            raise ConfigurationError(
                f"OTEL_EXPORTER_OTLP_ENDPOINT: traces need a package that is not here ({error.name}): "
                "install tellonce[tracing], or unset it"
            ) from error
        self.into(exporting.exporter(daemon, ratio))

    def into(self, sink: Sink | None) -> None:
        """Send steps somewhere, or nowhere."""
        self._sink = sink

    @property
    def on(self) -> bool:
        """Whether anything is made of a step."""
        return self._sink is not None

    def tell(self, step: Step) -> None:
        """Tell a step."""
        if self._sink is not None:
            self._sink(step)


def _ratio(spelling: str) -> float:
    try:
        ratio = float(spelling)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise ConfigurationError(f"{RATIO}: expected a number from 0 to 1, not {spelling!r}")
    return ratio


tracing = Tracing()


def trace_made(name: str, events: Sequence[Event], blocked: Collection[str], now: datetime) -> None:
    """Tell that events were made here and stored, but those whose keys were taken: each begins its trace."""
    if not tracing.on:
        return
    for event in events:
        if event.key not in blocked:
            said: dict[str, Said] = {"type": event.type, "source": event.source}
            tracing.tell(Step(name, event.key, event.receipt, event.received_at, now, said, first=True))


def trace_try(delivery: Delivery, consumer: str, outcome: Outcome, began: datetime, ended: datetime) -> None:
    """Tell what one try of a delivery came to."""
    if not tracing.on:
        return
    # A reason may quote what was answered, which may quote the body: it stays in the log and in `attempts`.
    wrong = "" if isinstance(outcome, Delivered) else name_of(outcome)
    said: dict[str, Said] = {
        "consumer": consumer,
        "delivery": delivery.id,
        "generation": delivery.generation,
        "outcome": name_of(outcome),
    }
    tracing.tell(Step("deliver", delivery.event, delivery.receipt, began, ended, said, wrong))
