"""Warnings, counted while requests are answered and written beside them, a few seconds at a time.

A kill loses what was counted since the last write; a stop does not.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta

from telemetry.core.clock import Clock
from telemetry.core.warning import OTHER, Kind, Warned, sample_of
from telemetry.ingest.aside import Aside
from telemetry.ingest.metrics import IngestMetrics
from telemetry.store.warnings import Warnings

GATHER = 3.0
# Producers make names up: beyond so many they are counted as one.
MOST = 200
KEPT = timedelta(days=30)


class Warner:
    """Counts what is odd, by kind and type, with the latest sample of each."""

    def __init__(self, rows: Warnings, clock: Clock, metrics: IngestMetrics, token: Callable[[], str]) -> None:
        self._rows = rows
        self._clock = clock
        self._metrics = metrics
        self._token = token
        self._counted: dict[str, Warned] = {}
        self._writing: dict[str, Warned] = {}
        self._known: set[str] | None = None
        self._aside = Aside(self._write, gather=GATHER)

    def warn(self, kind: Kind, event_type: str, source: str, text: str) -> None:
        """Count one; it is never waited for."""
        self._metrics.warnings.labels(kind).inc()
        now = self._clock.now()
        fresh = _named(Warned(kind, event_type, 1, now, now, source, sample_of(text)), self._counted)
        former = self._counted.get(fresh.id)
        if former is not None:
            fresh = replace(fresh, count=former.count + 1, since=former.since)
        self._counted[fresh.id] = fresh
        self._aside.want()

    async def run(self) -> None:
        """Write until cancelled, and once more."""
        await self._aside.run()

    async def _write(self) -> None:
        # What the last write did not finish comes first, under the stamps that it had: nothing is counted twice.
        await self._finish()
        if not self._counted:
            return
        if self._known is None:
            await self._rows.forget(self._clock.now() - KEPT)
            self._known = await self._rows.ids()
        counted, self._counted = self._counted, {}
        for warned in counted.values():
            named = _named(warned, self._known)
            self._known.add(named.id)
            self._writing[self._token()] = named
        await self._finish()

    async def _finish(self) -> None:
        for stamp, warned in list(self._writing.items()):
            await self._rows.note(warned, stamp)
            del self._writing[stamp]


def _named(warned: Warned, known: Collection[str]) -> Warned:
    return warned if warned.id in known or len(known) < MOST else replace(warned, type=OTHER)
