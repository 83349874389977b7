"""One try of one delivery: carry it, judge, settle, publish what follows from it, and then tell the log.

Killed before it is settled, the delivery is carried again under the same id once its claim has lapsed. Killed
before what follows is published, the next round of any of its couriers does that. Killed before the log is told,
the log alone lacks a line.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import anyio

from telemetry.core.carrier import Errand, Terms
from telemetry.core.delivery import Delivery, Signal
from telemetry.core.errors import ConflictError, StaleError, TellonceError, UnavailableError
from telemetry.core.outcome import Completed, Delivered, Outcome, Retry, Unknown, name_of
from telemetry.courier.desk import Desk
from telemetry.courier.gate import Gate
from telemetry.courier.hold import End, Hold
from telemetry.courier.settling import MET_ANOTHER, OVERTAKEN, Settled, Settling
from telemetry.runtime.logs import get_logger
from telemetry.runtime.tracing import trace_try
from telemetry.store.attempts import Attempt
from telemetry.store.transaction import Transaction, met_another

log = get_logger(__name__)

# A carrier that keeps its time limit itself has this long to say so.
MARGIN = 1.0
LONGEST_REASON = 500


class Carrying:
    """Carries one destination's deliveries."""

    def __init__(self, destination: str, desk: Desk, gate: Gate) -> None:
        self._desk = desk
        self._gate = gate
        self._settling = Settling(destination, desk, gate)

    async def carry(self, delivery: Delivery, terms: Terms, asked: float, *, alone: bool = False) -> bool:
        """Carry a claimed delivery and settle what came of it; say whether it is done with for good.

        `asked` is when (monotonic) its claim was asked for.
        """
        hold = Hold(self._desk, self._gate, delivery, asked)
        try:
            return await self._carry(delivery, terms, hold, alone=alone)
        finally:
            await hold.within.close()

    async def _carry(self, delivery: Delivery, terms: Terms, hold: Hold, *, alone: bool) -> bool:
        desk = self._desk
        at, began = desk.clock.now(), desk.clock.monotonic()
        errand = Errand(delivery, hold.fresh, hold.within.open)
        outcome = await hold.over(lambda: self._perform(errand, terms, hold.within, alone=alone))
        if not isinstance(outcome, Completed):
            await hold.within.abort()
        if isinstance(outcome, End):
            await self._leave(delivery, outcome)
            return False
        took = round((desk.clock.monotonic() - began) * 1000)
        outcome, settled = await self._settle(delivery, outcome, terms, hold)
        if isinstance(outcome, Completed) and not settled.stands:
            outcome = OVERTAKEN
        if outcome not in (MET_ANOTHER, OVERTAKEN):
            self._gate.learn(outcome)
        await self._gate.note()
        await self._tell(delivery, outcome, at, took)
        return settled.follows.wait is None

    async def _settle(self, delivery: Delivery, outcome: Outcome, terms: Terms, hold: Hold) -> tuple[Outcome, Settled]:
        """Settle what it came to; a completion that cannot be is a try that failed, as nothing of it stands."""
        try:
            return outcome, await self._settling.settle(delivery, outcome, terms, hold)
        except UnavailableError:
            raise
        except ConflictError:
            instead = MET_ANOTHER
        except TellonceError as error:
            if not isinstance(outcome, Completed):
                raise
            await hold.within.abort()
            instead = Retry(f"it cannot be completed: {error}"[:LONGEST_REASON])
        return instead, await self._settling.settle(delivery, instead, terms, hold)

    async def _leave(self, delivery: Delivery, end: End) -> None:
        """Let a delivery be whose try had no outcome; one that is not ours any more is left to the next holder."""
        log.warning("claim.left", delivery=delivery.id, why=end.value)
        if end is not End.STOPPED:
            self._desk.metrics.stale.inc()
        if end is not End.LAPSED:
            await self._desk.claims.put_back(delivery, Signal.RELEASE, self._desk.clock.now())

    async def _perform(self, errand: Errand, terms: Terms, within: Transaction, *, alone: bool) -> Outcome | End:
        desk = self._desk
        limit = terms.timeout or desk.settings.carry_timeout
        async with desk.solitude.alone() if alone else desk.solitude.company():
            if not errand.fresh():
                return End.STALE
            scope = anyio.CancelScope(deadline=anyio.current_time() + limit + MARGIN)
            try:
                with scope:
                    return await desk.carrier.carry(errand)
                return Unknown(f"no outcome within {limit:g} s")
            except StaleError:
                return End.STALE
            except Exception as error:
                if within.begun and met_another(error):
                    return MET_ANOTHER
                log.exception("delivery.failed", delivery=errand.delivery.id)
                return Retry(f"failed: {error!r}"[:LONGEST_REASON])

    async def _tell(self, delivery: Delivery, outcome: Outcome, at: datetime, took: int) -> None:
        desk = self._desk
        desk.metrics.attempts.labels(desk.consumer, name_of(outcome)).inc()
        if isinstance(outcome, Delivered):
            desk.metrics.latency.observe(max(desk.clock.now().timestamp() - delivery.wanted_at, 0))
        trace_try(delivery, desk.consumer, outcome, at, at + timedelta(milliseconds=took))
        name, said = name_of(outcome), _said(outcome)
        log.info("delivery.attempted", delivery=delivery.id, outcome=name, took_ms=took, said=said)
        await note_attempt(desk, Attempt(delivery.id, at, name, said, desk.holder, took))


async def note_attempt(desk: Desk, attempt: Attempt) -> None:
    """Write an attempt in the log; where that cannot be done, it is counted, and changes nothing else."""
    try:
        await desk.attempts.append([attempt])
    except TellonceError as error:
        desk.metrics.unlogged.inc()
        log.warning("attempt.unlogged", delivery=attempt.delivery, why=str(error))


def _said(outcome: Outcome) -> str:
    if isinstance(outcome, Delivered):
        return _spelt(outcome.result)[:LONGEST_REASON]
    return outcome.reason


def _spelt(result: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in result.items())
