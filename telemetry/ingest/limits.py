"""How much each source may submit, in this process."""

from collections.abc import Callable

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

    def admit(self, source: str, events: int) -> None:
        """Let a source's events in; raise Refusal, which says when to come again, where they are too many."""
        rate = self._rate_of(source)
        wait = self._allowance(source, rate).ask(events, self._clock.monotonic()) if rate else 0
        self._metrics.sources.labels(source, "limited" if wait else "admitted").inc(events)
        if wait:
            why = f"{source}: more events than its rate of {rate}; send the same again in {wait} s, it is safe"
            raise Refusal(429, why, {"Retry-After": str(wait)})

    def _allowance(self, source: str, rate: Rate) -> Allowance:
        known = self._kept.get(source)
        if known is None or known[0] != rate:
            known = self._kept[source] = rate, Allowance(rate, self._clock.monotonic())
        return known[1]
