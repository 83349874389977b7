"""One destination's lane: what is due there goes out, so many at once, in order where that is asked for.

One courier at a time serves a lane, so that what a destination asks for holds for all of them together. That
is courtesy; what keeps two from carrying one delivery is the claim on its row.
"""

from collections import deque
from datetime import timedelta
from math import inf

import anyio
from anyio.abc import TaskGroup

from telemetry.core.carrier import Closed, Terms
from telemetry.core.delivery import Delivery, Signal, State
from telemetry.courier.carrying import Carrying, note_attempt
from telemetry.courier.desk import DESTINATION_SCOPE, Desk
from telemetry.courier.gate import Gate
from telemetry.courier.line import Line
from telemetry.runtime.logs import get_logger
from telemetry.store.attempts import Attempt
from telemetry.store.claims import due

log = get_logger(__name__)

# Read at once, to be claimed one by one: what has changed meanwhile, a claim does not match.
READ_AHEAD = 50
AT_ONCE = 0.001
ENDED = "its courier ended before it could say"


class Lane:
    """Serves one destination."""

    def __init__(self, destination: str, desk: Desk) -> None:
        self.destination = destination
        self._desk = desk
        self._under_way: set[str] = set()
        self._working = 0  # tasks, also those that have yet to call up the next in a line
        self._gate = Gate(destination, desk)
        self._line = Line(desk, self._under_way)
        self._carrying = Carrying(destination, desk, self._gate)
        self._ahead: deque[Delivery] = deque()  # due when they were read
        self._stirred = anyio.Event()
        self._next_slot = 0.0  # monotonic

    def stir(self) -> None:
        """Have it look again at once."""
        self._stirred.set()

    async def serve(self) -> None:
        """Carry what is due, and what becomes due, until nothing waits; raise UnavailableError without a database."""
        async with anyio.create_task_group() as group:
            while True:
                self._stirred = anyio.Event()
                pause = await self._look(group)
                if pause == inf and not self._working and not self._stirred.is_set():
                    return
                if pause > 0:
                    with anyio.move_on_after(pause):
                        await self._stirred.wait()

    async def _look(self, group: TaskGroup) -> float:
        """Claim what is due and may go; say in how many seconds there may be more, if nothing stirs."""
        desk, gate = self._desk, self._gate
        if halt := await desk.halts.of(self.destination):
            self._ahead.clear()
            return inf if halt.until is None else max((halt.until - desk.clock.now()).total_seconds(), AT_ONCE)
        terms = await desk.carrier.terms(self.destination)
        if isinstance(terms, Closed):
            self._ahead.clear()
            await self._park(terms)
            return inf
        if len(self._under_way) >= terms.concurrency:
            return inf
        if not self._ahead:
            # What has just been read may have come after a pause: that is asked first, again.
            return await self._read_ahead(terms)
        if (pause := await gate.wait(terms.concurrency, len(self._under_way)) or self._next_slot_in()) > 0:
            return pause
        room = max(gate.room(terms.concurrency) - len(self._under_way), 0)
        for _ in range(min(room, 1, len(self._ahead)) if terms.rate else min(room, len(self._ahead))):
            await self._start(self._ahead.popleft(), terms, group)
        return 0.0

    async def _read_ahead(self, terms: Terms) -> float:
        """Read what is due; where nothing is, say in how many seconds there may be something."""
        clock = self._desk.clock
        rows = await self._desk.claims.ahead(self.destination, READ_AHEAD + terms.concurrency)
        ripe, next_at = due([row for row in rows if row.id not in self._under_way], clock.now())
        self._ahead.extend(ripe)
        if ripe:
            return 0.0
        return max((next_at - clock.now()).total_seconds(), AT_ONCE) if next_at else inf

    async def _start(self, delivery: Delivery, terms: Terms, group: TaskGroup) -> None:
        chosen = await self._line.in_turn(delivery) if terms.ordered else delivery
        if chosen is None or chosen.id in self._under_way or await self._is_poison(chosen):
            return
        desk = self._desk
        asked = desk.clock.monotonic()
        until = desk.clock.now() + timedelta(seconds=desk.settings.courier_lease)
        # A stop in between would leave a claim that nobody works on.
        with anyio.CancelScope(shield=True):
            taken = await desk.claims.take(chosen, desk.holder, until)
        if taken is None:
            return
        self._next_slot = asked + 1 / terms.rate if terms.rate else 0.0
        self._under_way.add(taken.id)
        self._working += 1
        group.start_soon(self._work, taken, chosen, terms, asked, name=f"delivery {taken.id}")

    async def _is_poison(self, delivery: Delivery) -> bool:
        """Park a delivery that was carried alone, and even so ended its courier."""
        if delivery.silent <= self._desk.settings.max_silent_claims:
            return False
        reason = f"{delivery.silent} claims ended without any outcome: the courier may die of it"
        if await self._desk.claims.finish(delivery, Signal.PARK, reason=reason):
            log.error("delivery.parked", delivery=delivery.id, why=reason)
        return True

    def _next_slot_in(self) -> float:
        return max(self._next_slot - self._desk.clock.monotonic(), 0.0)

    async def _work(self, taken: Delivery, found: Delivery, terms: Terms, asked: float) -> None:
        try:
            # A stop waits for the outcome: an effect without a record would be repeated.
            with anyio.CancelScope(shield=True):
                if found.state is State.LEASED:
                    now, holder = self._desk.clock.now(), self._desk.holder
                    await note_attempt(self._desk, Attempt(taken.id, now, "unknown", ENDED, holder))
                alone = found.silent == self._desk.settings.max_silent_claims
                done = await self._carrying.carry(taken, terms, asked, alone=alone)
                self._under_way.discard(taken.id)
                if done and terms.ordered:
                    await self._line.call_up(taken)
        finally:
            self._under_way.discard(taken.id)
            self._working -= 1
            self.stir()

    async def _park(self, closed: Closed) -> None:
        parked = await self._desk.queue.park_all(self.destination, closed.reason, DESTINATION_SCOPE)
        if parked:
            log.error("destination.closed", destination=self.destination, why=closed.reason, parked=parked)
