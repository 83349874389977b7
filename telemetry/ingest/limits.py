"""How much each source may submit, in this process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

from telemetry.core.clock import Clock
from telemetry.core.rate import Allowance, Rate
from telemetry.ingest.metrics import IngestMetrics
from telemetry.ingest.refusal import Refusal


class Limits:
    """Holds sources to their rates; each ingest process counts for itself."""

    def __init__(self, rate_of: Callable[[str], Rate | None], clock: Clock, metrics: IngestMetrics) -> None:
        self._rate_of = rate_of
        self._clock = clock
        self._metrics = metrics
        self._kept: dict[str, tuple[Rate, Allowance]] = {}

    @contextmanager
    def admitted(self, source: str, events: int) -> Iterator[None]:
        """Let a source's events in; raise Refusal, which says when to come again, where they are too many.

        Those that are put off inside cost nothing: they come again.
        """
        rate = self._rate_of(source)
        allowance = self._allowance(source, rate) if rate else None
        wait = allowance.ask(events, self._clock.monotonic()) if allowance else 0
        self._metrics.sources.labels(source, "limited" if wait else "admitted").inc(events)
        if wait:
            why = f"{source}: more events than its rate of {rate}; send the same again in {wait} s, it is safe"
            raise Refusal(429, why, {"Retry-After": str(wait)})
        try:
            yield
        except Refusal as refusal:
            if allowance and refusal.status == HTTPStatus.SERVICE_UNAVAILABLE:
                allowance.give_back(events)
            raise

    def _allowance(self, source: str, rate: Rate) -> Allowance:
        known = self._kept.get(source)
        if known is None or known[0] != rate:
            known = self._kept[source] = rate, Allowance(rate, self._clock.monotonic())
        return known[1]
