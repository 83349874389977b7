"""One try of one delivery: carry it, judge, settle, and then tell the log.

Killed before it is settled, the delivery is carried again under the same id once its claim has lapsed. Killed
before the log is told, the log alone lacks a line.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import anyio

from telemetry.core.carrier import Closed, Errand, Terms
from telemetry.core.circuit import Circuit
from telemetry.core.delivery import Delivery, Signal, State
from telemetry.core.errors import StaleError, TellonceError, UnavailableError
from telemetry.core.outcome import Dead, Delivered, Outcome, Parked, Retry, Unknown
from telemetry.courier.desk import DESTINATION_SCOPE, Desk
from telemetry.runtime.logs import get_logger
from telemetry.store.attempts import Attempt
from telemetry.store.lanes import Shut

log = get_logger(__name__)

# A carrier that keeps its time limit itself has this long to say so.
MARGIN = 1.0
AGAIN = 0.5
LONGEST_REASON = 500


class Carrying:
    """Carries one destination's deliveries."""

    def __init__(self, destination: str, desk: Desk, circuit: Circuit) -> None:
        self._destination = destination
        self._desk = desk
        self._circuit = circuit
        self.noted = 0.0  # until when (monotonic) the lane's row says that the destination is left alone

    async def carry(self, delivery: Delivery, terms: Terms, asked: float, *, alone: bool = False) -> bool:
        """Carry a claimed delivery and settle what came of it; say whether it is done with for good.

        `asked` is when (monotonic) its claim was asked for.
        """
        desk = self._desk
        began = desk.clock.monotonic()
        try:
            outcome = await self._perform(delivery, asked, alone=alone)
        except StaleError:
            desk.metrics.stale.inc()
            log.warning("claim.stale", delivery=delivery.id)
            await desk.claims.put_back(delivery, Signal.RELEASE, desk.clock.now())
            return False
        took = round((desk.clock.monotonic() - began) * 1000)
        await self._learn(outcome)
        state = await self._settle(delivery, outcome, terms)
        await self._tell(delivery, outcome, took)
        return state is not State.PENDING

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

    async def _learn(self, outcome: Outcome) -> None:
        desk, circuit, now = self._desk, self._circuit, self._desk.clock.monotonic()
        circuit.learn(outcome, now, desk.chance)
        until = circuit.until if circuit.trying else 0.0
        if until == self.noted:
            return
        shut = None
        if circuit.trying:
            desk.metrics.shut.inc()
            shut = Shut(desk.clock.now() + timedelta(seconds=circuit.until - now), circuit.reason)
            log.warning(
                "destination.left_alone", destination=self._destination, why=circuit.reason, until=str(shut.until)
            )
        else:
            log.info("destination.recovered", destination=self._destination)
        with suppress(UnavailableError):
            await desk.lanes.note(self._destination, shut)
            self.noted = until

    async def _settle(self, delivery: Delivery, outcome: Outcome, terms: Terms) -> State:
        """Write an outcome down, again while the claim holds: what has had its effect must not be forgotten."""
        desk = self._desk
        ends = delivery.ready_at or desk.clock.now()
        while True:
            try:
                state, settled = await self._write(delivery, outcome, terms)
            except UnavailableError:
                if desk.clock.now() >= ends:
                    raise
                await anyio.sleep(AGAIN)
                continue
            if not settled:
                desk.metrics.late.inc()
                log.warning("delivery.settled_elsewhere", delivery=delivery.id, outcome=_name(outcome))
            return state

    async def _write(self, delivery: Delivery, outcome: Outcome, terms: Terms) -> tuple[State, bool]:
        claims, now = self._desk.claims, self._desk.clock.now()
        match outcome:
            case Delivered(result):
                kept = {**result, "id": Errand(delivery, bool).id}
                return State.DELIVERED, await claims.finish(delivery, Signal.DONE, result=kept)
            case Dead(reason):
                return await self._give_up(delivery, reason)
            case Parked(reason):
                # With its destination it comes back by itself; without, a person has to let it.
                closed = isinstance(await self._desk.carrier.terms(self._destination), Closed)
                scope = {"scope": DESTINATION_SCOPE} if closed else {}
                return State.PARKED, await claims.finish(delivery, Signal.PARK, reason=reason, **scope)
            case Retry(reason, costs=False) if delivery.pauses < self._desk.settings.courier_pauses:
                at = now + timedelta(seconds=max(self._circuit.until - self._desk.clock.monotonic(), 0))
                more = {"pauses": delivery.pauses + 1, "reason": reason}
                return State.PENDING, await claims.put_back(delivery, Signal.RELEASE, at, **more)
            case Retry(reason) | Unknown(reason):
                failures = delivery.failures + 1
                wait = terms.schedule.delay(failures, self._desk.chance)
                if wait is None:
                    return await self._give_up(delivery, f"{reason}; given up after {failures} tries")
                at = now + timedelta(seconds=max(wait, getattr(outcome, "after", None) or 0))
                more = {"failures": failures, "reason": reason}
                return State.PENDING, await claims.put_back(delivery, Signal.RETRY, at, **more)

    async def _give_up(self, delivery: Delivery, reason: str) -> tuple[State, bool]:
        log.error("delivery.dead", delivery=delivery.id, why=reason)
        fields = {"reason": reason, "failures": delivery.failures + 1}
        return State.DEAD, await self._desk.claims.finish(delivery, Signal.GIVE_UP, **fields)

    async def _tell(self, delivery: Delivery, outcome: Outcome, took: int) -> None:
        desk = self._desk
        desk.metrics.attempts.labels(desk.consumer, _name(outcome)).inc()
        if isinstance(outcome, Delivered):
            since = delivery.order / 1_000_000
            desk.metrics.latency.observe(max(desk.clock.now().timestamp() - since, 0))
        log.info("delivery.attempted", delivery=delivery.id, outcome=_name(outcome), took_ms=took, said=_said(outcome))
        await note_attempt(desk, delivery, _name(outcome), _said(outcome), took)


async def note_attempt(desk: Desk, delivery: Delivery, outcome: str, said: str, took_ms: int | None = None) -> None:
    """Write an attempt in the log; where that cannot be done, it is counted, and changes nothing else."""
    try:
        await desk.attempts.append([Attempt(delivery.id, desk.clock.now(), outcome, said, desk.holder, took_ms)])
    except TellonceError as error:
        desk.metrics.unlogged.inc()
        log.warning("attempt.unlogged", delivery=delivery.id, why=str(error))


def _name(outcome: Outcome) -> str:
    return type(outcome).__name__.lower()


def _said(outcome: Outcome) -> str:
    if isinstance(outcome, Delivered):
        return _spelt(outcome.result)
    return outcome.reason


def _spelt(result: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in result.items())
