"""One try of one delivery: carry it, judge, settle, and then tell the log.

Killed before it is settled, the delivery is carried again under the same id once its claim has lapsed. Killed
before the log is told, the log alone lacks a line.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import anyio

from telemetry.core.carrier import Closed, Errand, Terms
from telemetry.core.consequence import Consequence, consequence
from telemetry.core.delivery import Delivery, Signal
from telemetry.core.errors import StaleError, TellonceError, UnavailableError
from telemetry.core.outcome import Delivered, Outcome, Retry, Unknown
from telemetry.courier.desk import DESTINATION_SCOPE, Desk
from telemetry.courier.gate import Gate
from telemetry.runtime.logs import get_logger
from telemetry.store.attempts import Attempt

log = get_logger(__name__)

# A carrier that keeps its time limit itself has this long to say so.
MARGIN = 1.0
AGAIN = 0.5
LONGEST_REASON = 500
# How the log calls an end that nobody wants.
ENDS = {Signal.GIVE_UP: "delivery.dead", Signal.PARK: "delivery.parked"}


class Carrying:
    """Carries one destination's deliveries."""

    def __init__(self, destination: str, desk: Desk, gate: Gate) -> None:
        self._destination = destination
        self._desk = desk
        self._gate = gate

    async def carry(self, delivery: Delivery, terms: Terms, asked: float, *, alone: bool = False) -> bool:
        """Carry a claimed delivery and settle what came of it; say whether it is done with for good.

        `asked` is when (monotonic) its claim was asked for.
        """
        desk = self._desk
        at, began = desk.clock.now(), desk.clock.monotonic()
        try:
            outcome = await self._perform(delivery, asked, alone=alone)
        except StaleError:
            desk.metrics.stale.inc()
            log.warning("claim.stale", delivery=delivery.id)
            await desk.claims.put_back(delivery, Signal.RELEASE, desk.clock.now())
            return False
        took = round((desk.clock.monotonic() - began) * 1000)
        self._gate.learn(outcome)
        follows = await self._settle(delivery, self._consequence(outcome, delivery, terms))
        await self._gate.note()
        await self._tell(delivery, outcome, at, took)
        return follows.wait is None

    async def _perform(self, delivery: Delivery, asked: float, *, alone: bool) -> Outcome:
        desk = self._desk
        clock, fresh = desk.clock, desk.settings.record_fresh
        errand = Errand(delivery, lambda: clock.monotonic() - asked <= fresh)
        async with desk.solitude.alone() if alone else desk.solitude.company():
            if not errand.fresh():
                raise StaleError
            try:
                with anyio.fail_after(desk.settings.carry_timeout + MARGIN):
                    return await desk.carrier.carry(errand)
            except StaleError:
                raise
            except TimeoutError:
                return Unknown(f"no outcome within {desk.settings.carry_timeout:g} s")
            except Exception as error:
                log.exception("delivery.failed", delivery=delivery.id)
                return Retry(f"the courier failed: {error!r}"[:LONGEST_REASON])

    def _consequence(self, outcome: Outcome, delivery: Delivery, terms: Terms) -> Consequence:
        pause, free, chance = self._gate.pause, self._desk.settings.courier_pauses, self._desk.chance
        return consequence(outcome, delivery, terms.schedule, pause=pause, free_pauses=free, chance=chance)

    async def _settle(self, delivery: Delivery, follows: Consequence) -> Consequence:
        """Write down what follows, again while the claim holds: what has had its effect must not be forgotten."""
        desk = self._desk
        ends = delivery.ready_at or desk.clock.now()
        while True:
            try:
                settled = await self._write(delivery, follows)
            except UnavailableError:
                if desk.clock.now() >= ends:
                    raise
                await anyio.sleep(AGAIN)
                continue
            if not settled:
                desk.metrics.late.inc()
                log.warning("delivery.settled_elsewhere", delivery=delivery.id, signal=follows.signal.value)
            elif follows.signal in ENDS:
                log.error(ENDS[follows.signal], delivery=delivery.id, why=follows.fields["reason"])
            return follows

    async def _write(self, delivery: Delivery, follows: Consequence) -> bool:
        claims, fields = self._desk.claims, dict(follows.fields)
        if follows.wait is not None:
            at = self._desk.clock.now() + timedelta(seconds=follows.wait)
            return await claims.put_back(delivery, follows.signal, at, **fields)
        if follows.signal is Signal.DONE:
            fields["result"] |= {"id": Errand(delivery, bool).id}
        # With its destination it comes back by itself; without, a person has to let it.
        if follows.signal is Signal.PARK and isinstance(await self._desk.carrier.terms(self._destination), Closed):
            fields["scope"] = DESTINATION_SCOPE
        return await claims.finish(delivery, follows.signal, **fields)

    async def _tell(self, delivery: Delivery, outcome: Outcome, at: datetime, took: int) -> None:
        desk = self._desk
        desk.metrics.attempts.labels(desk.consumer, _name(outcome)).inc()
        if isinstance(outcome, Delivered):
            since = delivery.order / 1_000_000
            desk.metrics.latency.observe(max(desk.clock.now().timestamp() - since, 0))
        log.info("delivery.attempted", delivery=delivery.id, outcome=_name(outcome), took_ms=took, said=_said(outcome))
        await note_attempt(desk, Attempt(delivery.id, at, _name(outcome), _said(outcome), desk.holder, took))


async def note_attempt(desk: Desk, attempt: Attempt) -> None:
    """Write an attempt in the log; where that cannot be done, it is counted, and changes nothing else."""
    try:
        await desk.attempts.append([attempt])
    except TellonceError as error:
        desk.metrics.unlogged.inc()
        log.warning("attempt.unlogged", delivery=attempt.delivery, why=str(error))


def _name(outcome: Outcome) -> str:
    return type(outcome).__name__.lower()


def _said(outcome: Outcome) -> str:
    if isinstance(outcome, Delivered):
        return _spelt(outcome.result)
    return outcome.reason


def _spelt(result: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in result.items())
