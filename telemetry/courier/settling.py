"""Writing down what follows from an outcome, and publishing the events that follow from a completion."""

from dataclasses import dataclass
from datetime import timedelta

import anyio

from telemetry.core.carrier import Closed, Errand, Terms
from telemetry.core.consequence import Consequence, consequence
from telemetry.core.delivery import Delivery, Signal
from telemetry.core.errors import TellonceError, UnavailableError
from telemetry.core.outcome import Completed, Outcome, Retry
from telemetry.courier.desk import DESTINATION_SCOPE, Desk
from telemetry.courier.gate import Gate
from telemetry.courier.hold import Hold
from telemetry.runtime.logs import get_logger
from telemetry.store.transaction import Transaction

log = get_logger(__name__)

AGAIN = 0.5
# How the log calls an end that nobody wants.
ENDS = {Signal.GIVE_UP: "delivery.dead", Signal.PARK: "delivery.parked"}
# It is about one delivery, costs it nothing, and says nothing about its destination.
MET_ANOTHER = Retry("another wrote the same at the same moment", after=AGAIN, costs=False)
# Likewise; whoever has the claim by now says what becomes of it.
OVERTAKEN = Retry("its claim was gone: nothing of it stands", costs=False)


@dataclass(frozen=True, slots=True)
class Settled:
    """What follows from an outcome, and whether that stands."""

    follows: Consequence
    stands: bool


class Settling:
    """Settles one destination's deliveries."""

    def __init__(self, destination: str, desk: Desk, gate: Gate) -> None:
        self._destination = destination
        self._desk = desk
        self._gate = gate

    async def settle(self, delivery: Delivery, outcome: Outcome, terms: Terms, hold: Hold) -> Settled:
        """Write down what follows, again while the claim holds: what has had its effect must not be forgotten."""
        follows = self._consequence(outcome, delivery, terms)
        while True:
            try:
                settled = await self._write(delivery, outcome, follows, hold.within)
            except UnavailableError:
                if self._desk.clock.now() >= hold.until:
                    raise
                await anyio.sleep(AGAIN)
                continue
            if not settled:
                self._desk.metrics.late.inc()
                log.warning("delivery.settled_elsewhere", delivery=delivery.id, signal=follows.signal.value)
            elif follows.signal in ENDS:
                log.error(ENDS[follows.signal], delivery=delivery.id, why=follows.fields["reason"])
            elif isinstance(outcome, Completed) and (outcome.emits or delivery.generation):
                await self._publish(delivery.id)
            return Settled(follows, stands=settled)

    def _consequence(self, outcome: Outcome, delivery: Delivery, terms: Terms) -> Consequence:
        settings, chance = self._desk.settings, self._desk.chance
        pause = AGAIN if outcome is MET_ANOTHER else self._gate.pause
        return consequence(
            outcome, delivery, terms.schedule, pause=pause, free_pauses=settings.courier_pauses, chance=chance
        )

    async def _write(self, delivery: Delivery, outcome: Outcome, follows: Consequence, within: Transaction) -> bool:
        desk, fields = self._desk, dict(follows.fields)
        if follows.wait is not None:
            at = desk.clock.now() + timedelta(seconds=follows.wait)
            return await desk.claims.put_back(delivery, follows.signal, at, **fields)
        if follows.signal is Signal.DONE:
            # A carrier may have an id of its own to tell.
            fields["result"] = {"id": Errand(delivery, bool).id, **fields["result"]}
        if isinstance(outcome, Completed):
            return await desk.completions.complete(delivery, desk.holder, fields["result"], outcome.emits, within)
        # With its destination it comes back by itself; without, a person has to let it.
        if follows.signal is Signal.PARK and isinstance(await desk.carrier.terms(self._destination), Closed):
            fields["scope"] = DESTINATION_SCOPE
        return await desk.claims.finish(delivery, follows.signal, **fields)

    async def _publish(self, delivery: str) -> None:
        try:
            if completion := await self._desk.completions.of(delivery):
                await self._desk.publishing.publish(completion)
        except TellonceError as error:
            log.warning("follow_ups.waiting", delivery=delivery, why=str(error))
