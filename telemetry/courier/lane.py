"""One destination's lane: what is due there goes out, so many at once, in order where that is asked for.

One courier at a time serves a lane, so that what a destination asks for holds for all of them together. That
is courtesy; what keeps two from carrying one delivery is the claim on its row.
"""

from datetime import timedelta
from math import inf

import anyio
from anyio.abc import TaskGroup

from telemetry.core.backoff import Backoff
from telemetry.core.carrier import Closed, Terms
from telemetry.core.circuit import Circuit
from telemetry.core.delivery import Delivery, Signal, State
from telemetry.courier.carrying import Carrying, note_attempt
from telemetry.courier.desk import DESTINATION_SCOPE, Desk
from telemetry.runtime.logs import get_logger
from telemetry.store.claims import due
from telemetry.store.leases import Lease

log = get_logger(__name__)

# Rows read beyond what may be on its way: claims of couriers that have ended lie among them.
SPARE = 4
# In rests: after failures, and where a pause was asked for.
LONGEST_REST, LONGEST_PAUSE = 20, 10
# A standby looks again this long after the lease it saw would lapse.
AFTER_LAPSE = 0.1


class Lane:
    """Serves one destination."""

    def __init__(self, destination: str, desk: Desk) -> None:
        self.destination = destination
        self._desk = desk
        rest = desk.settings.courier_rest
        rests, pauses = Backoff(rest, LONGEST_REST * rest), Backoff(rest / 6, LONGEST_PAUSE * rest)
        self._circuit = Circuit(desk.settings.courier_failures, rests, pauses)
        self._carrying = Carrying(destination, desk, self._circuit)
        self._lease: Lease | None = None
        self._under_way: set[str] = set()
        self._working = 0  # tasks, also those that have yet to call up the next in a line
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
        desk = self._desk
        terms = await desk.carrier.terms(self.destination)
        if isinstance(terms, Closed):
            await self._park(terms)
            return inf
        room = terms.concurrency - len(self._under_way)
        if room <= 0:
            return inf
        ahead = await desk.claims.ahead(self.destination, terms.concurrency + SPARE)
        ripe, next_at = due([one for one in ahead if one.id not in self._under_way], desk.clock.now())
        if not ripe:
            return (next_at - desk.clock.now()).total_seconds() if next_at else inf
        if (pause := await self._held_up(terms)) > 0:
            return pause
        for delivery in ripe[: self._circuit.room(terms.concurrency, desk.clock.monotonic()) - len(self._under_way)]:
            await self._start(delivery, terms, group)
        return 0.0

    async def _held_up(self, terms: Terms) -> float:
        """Say for how long nothing may be claimed: by another's lease, or as the destination is left alone."""
        desk, now = self._desk, self._desk.clock.now()
        half = timedelta(seconds=desk.settings.courier_lease / 2)
        if self._lease is None or self._lease.until - now < half:
            former, self._lease = self._lease, None
            lease = await desk.lanes.acquire(self.destination, desk.holder, desk.settings.courier_lease)
            if lease is None:
                return await self._until_free()
            if former is None or former.epoch != lease.epoch:
                await self._take_over()
            self._lease = lease
        await self._heed_operator()
        monotonic = desk.clock.monotonic()
        if (room := self._circuit.room(terms.concurrency, monotonic)) > len(self._under_way):
            return 0.0
        return inf if room else self._circuit.until - monotonic

    async def _heed_operator(self) -> None:
        """Try a destination at once where the note that it is left alone has been taken away."""
        clock, circuit = self._desk.clock, self._circuit
        noted = clock.monotonic() < circuit.until == self._carrying.noted
        if noted and not await self._desk.lanes.shut_of(self.destination):
            circuit.reopen(clock.monotonic())

    async def _until_free(self) -> float:
        other = await self._desk.lanes.read(self.destination)
        left = (other.until - self._desk.clock.now()).total_seconds() if other else 0.0
        return max(left, 0.0) + AFTER_LAPSE

    async def _take_over(self) -> None:
        # Why the last holder left the destination alone holds for the next one too.
        if shut := await self._desk.lanes.shut_of(self.destination):
            left = (shut.until - self._desk.clock.now()).total_seconds()
            self._circuit.shut(self._desk.clock.monotonic() + left, shut.reason)
            self._carrying.noted = self._circuit.until

    async def _start(self, delivery: Delivery, terms: Terms, group: TaskGroup) -> None:
        desk, most = self._desk, self._desk.settings.max_silent_claims
        chosen = await self._in_turn(delivery) if terms.ordered else delivery
        if chosen is None:
            return
        if chosen.silent > most:
            reason = f"{chosen.silent} claims ended without any outcome: the courier may die of it"
            if await desk.claims.finish(chosen, Signal.PARK, reason=reason):
                log.error("delivery.parked", delivery=chosen.id, why=reason)
            return
        await self._wait_slot(terms)
        asked = desk.clock.monotonic()
        until = desk.clock.now() + timedelta(seconds=desk.settings.courier_lease)
        # A stop in between would leave a claim that nobody works on.
        with anyio.CancelScope(shield=True):
            taken = await desk.claims.take(chosen, desk.holder, until)
        if taken is None:
            return
        self._under_way.add(taken.id)
        self._working += 1
        group.start_soon(self._work, taken, chosen, terms, asked, name=f"delivery {taken.id}")

    async def _in_turn(self, delivery: Delivery) -> Delivery | None:
        """Give the head of a delivery's line if that may go now; otherwise those behind it stand back."""
        if delivery.group is None:
            return delivery
        claims, now, ours = self._desk.claims, self._desk.clock.now(), frozenset(self._under_way)
        head = await claims.head(delivery)
        if head is None:
            return delivery
        if head.id not in self._under_way and (head.ready_at is None or head.ready_at <= now):
            return head
        waits = head.ready_at if head.state is State.PENDING and head.ready_at else now
        # Those behind are called up when it is done; should this courier end first, they look again by themselves.
        lease = timedelta(seconds=self._desk.settings.courier_lease)
        await claims.stand_back(delivery, max(waits, now + lease))
        if head.id in ours - self._under_way:
            # It was done before those behind it stood back, and called up nobody.
            await claims.step_up(head)
        return None

    async def _wait_slot(self, terms: Terms) -> None:
        if terms.rate is None:
            return
        now = self._desk.clock.monotonic()
        slot = max(now, self._next_slot)
        self._next_slot = slot + 1 / terms.rate
        await anyio.sleep(slot - now)

    async def _work(self, taken: Delivery, found: Delivery, terms: Terms, asked: float) -> None:
        try:
            # A stop waits for the outcome: an effect without a record would be repeated.
            with anyio.CancelScope(shield=True):
                if found.state is State.LEASED:
                    await note_attempt(self._desk, taken, "unknown", "its courier ended before it could say")
                alone = found.silent == self._desk.settings.max_silent_claims
                done = await self._carrying.carry(taken, terms, asked, alone=alone)
                self._under_way.discard(taken.id)
                if done and terms.ordered and taken.group is not None:
                    await self._desk.claims.step_up(taken)
        finally:
            self._under_way.discard(taken.id)
            self._working -= 1
            self.stir()

    async def _park(self, closed: Closed) -> None:
        parked = await self._desk.queue.park_all(self.destination, closed.reason, DESTINATION_SCOPE)
        if parked:
            log.error("destination.closed", destination=self.destination, why=closed.reason, parked=parked)
