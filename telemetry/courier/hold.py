"""Holding on to a claim while its delivery is carried, for as long as that may take."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import Enum
from math import inf

import anyio

from telemetry.core.delivery import Delivery
from telemetry.core.errors import UnavailableError
from telemetry.core.outcome import Outcome
from telemetry.courier.desk import Desk
from telemetry.courier.gate import Gate

AGAIN = 0.5


class End(Enum):
    """Why a try ended without an outcome."""

    STALE = "too long ago was it claimed, and nothing was begun"
    LAPSED = "the claim is not held any more: another courier may carry it"
    STOPPED = "the courier stops, and could not wait longer"


class Hold:
    """The claim on one delivery, renewed while it is carried."""

    def __init__(self, desk: Desk, gate: Gate, delivery: Delivery, asked: float) -> None:
        self._desk = desk
        self._gate = gate
        self._delivery = delivery
        self._asked = asked  # when (monotonic) the claim was asked for
        self.within = desk.completions.transaction()
        self._end = End.LAPSED
        self.until = delivery.ready_at or desk.clock.now()

    def fresh(self) -> bool:
        """Say whether it was claimed so lately that what is begun now may end before the claim does."""
        return self._desk.clock.monotonic() - self._asked <= self._desk.settings.record_fresh

    async def over(self, work: Callable[[], Awaitable[Outcome | End]]) -> Outcome | End:
        """Do some work while the claim is held; answer with what came of it, or why it had to end before."""
        async with anyio.create_task_group() as group:
            scope = group.cancel_scope
            self._lapses_with(scope)
            group.start_soon(self._keep, scope, name=f"hold {self._delivery.id}")
            outcome = await work()
            scope.cancel()
            return outcome
        return self._end

    async def _keep(self, scope: anyio.CancelScope) -> None:
        clock, every = self._desk.clock, self._desk.settings.courier_lease / 3
        renewal, leaves = self._asked + every, inf
        while True:
            with anyio.move_on_after(max(min(renewal, leaves) - clock.monotonic(), 0)):
                await (self._desk.stopping.wait() if leaves == inf else anyio.sleep_forever())
                leaves = clock.monotonic() + self._desk.settings.carry_timeout
                continue
            if clock.monotonic() >= leaves:
                self._end = End.STOPPED
                scope.cancel()
                return
            renewal = clock.monotonic() + (every if await self._renewed(scope) else AGAIN)

    async def _renewed(self, scope: anyio.CancelScope) -> bool:
        """Renew the claim, and the lane with it; without a database it lapses by itself."""
        try:
            # A transaction that is to complete the row must be the only one that changes it.
            if not self.within.begun and not await self._renew_claim(scope):
                scope.cancel()
            await self._gate.hold()
        except UnavailableError:
            return False
        return True

    async def _renew_claim(self, scope: anyio.CancelScope) -> bool:
        desk, seconds = self._desk, self._desk.settings.courier_lease
        asked, until = desk.clock.monotonic(), desk.clock.now() + timedelta(seconds=seconds)
        if not await desk.claims.renew(self._delivery, desk.holder, until):
            return False
        self._asked, self.until = asked, until
        self._lapses_with(scope)
        return True

    def _lapses_with(self, scope: anyio.CancelScope) -> None:
        left = self._asked + self._desk.settings.courier_lease - self._desk.clock.monotonic()
        scope.deadline = anyio.current_time() + left
