"""Whether this courier may serve a destination now: by its lease on the lane, and by what the destination answered."""

from contextlib import suppress
from datetime import timedelta
from math import inf

import anyio

from telemetry.core.backoff import Backoff
from telemetry.core.circuit import Circuit
from telemetry.core.errors import UnavailableError
from telemetry.core.outcome import Outcome
from telemetry.courier.desk import Desk
from telemetry.runtime.logs import get_logger
from telemetry.store.lanes import Shut
from telemetry.store.leases import Lease

log = get_logger(__name__)

# In rests: after failures, and where a pause was asked for.
LONGEST_REST, LONGEST_PAUSE = 20, 10
# A standby looks again this long after the lease it saw would lapse.
AFTER_LAPSE = 0.1


class Gate:
    """Lets deliveries out to one destination, or has them wait."""

    def __init__(self, destination: str, desk: Desk) -> None:
        self._destination = destination
        self._desk = desk
        rest = desk.settings.courier_rest
        rests, pauses = Backoff(rest, LONGEST_REST * rest), Backoff(rest / 6, LONGEST_PAUSE * rest)
        self._circuit = Circuit(desk.settings.courier_failures, rests, pauses)
        self._noted = 0.0  # until when (monotonic) the lane's row says that the destination is left alone
        self._lease: Lease | None = None
        self._asking = anyio.Lock()

    @property
    def pause(self) -> float:
        """For how many seconds the destination is left alone."""
        return max(self._circuit.until - self._desk.clock.monotonic(), 0.0)

    def room(self, concurrency: int) -> int:
        """Say how many deliveries may be on their way at once."""
        return self._circuit.room(concurrency, self._desk.clock.monotonic())

    async def wait(self, concurrency: int, under_way: int) -> float:
        """Say for how many seconds nothing more may go; infinity where it is for what is under way to end."""
        if (pause := await self._until_ours()) > 0:
            return pause
        await self._heed_operator()
        if (room := self.room(concurrency)) > under_way:
            return 0.0
        return inf if room else self.pause

    async def hold(self) -> None:
        """Keep the lane while something is under way."""
        await self._until_ours()

    def learn(self, outcome: Outcome) -> None:
        """Take in what one try came to."""
        self._circuit.learn(outcome, self._desk.clock.monotonic(), self._desk.chance)

    async def note(self) -> None:
        """Have the lane's row say whether the destination is left alone."""
        desk, circuit = self._desk, self._circuit
        until = circuit.until if circuit.trying else 0.0
        if until == self._noted:
            return
        shut = None
        if circuit.trying:
            desk.metrics.shut.inc()
            shut = Shut(desk.clock.now() + timedelta(seconds=self.pause), circuit.reason)
            log.warning("destination.shut", destination=self._destination, why=circuit.reason, until=str(shut.until))
        else:
            log.info("destination.recovered", destination=self._destination)
        with suppress(UnavailableError):
            await desk.lanes.note(self._destination, shut)
            self._noted = until

    async def _until_ours(self) -> float:
        """Hold the lane, or say in how many seconds it may be free."""
        async with self._asking:
            return await self._acquired()

    async def _acquired(self) -> float:
        desk, seconds = self._desk, self._desk.settings.courier_lease
        former, self._lease = self._lease, None
        if former is not None and former.until - desk.clock.now() > timedelta(seconds=seconds / 2):
            self._lease = former
            return 0.0
        lease = await desk.lanes.acquire(self._destination, desk.holder, seconds)
        if lease is None:
            other = await desk.lanes.read(self._destination)
            left = (other.until - desk.clock.now()).total_seconds() if other else 0.0
            return max(left, 0.0) + AFTER_LAPSE
        if former is None or former.epoch != lease.epoch:
            await self._take_over()
        self._lease = lease
        return 0.0

    async def _take_over(self) -> None:
        # Why the last holder left the destination alone holds for the next one too.
        if shut := await self._desk.lanes.shut_of(self._destination):
            left = (shut.until - self._desk.clock.now()).total_seconds()
            self._circuit.shut(self._desk.clock.monotonic() + left, shut.reason)
            self._noted = self._circuit.until

    async def _heed_operator(self) -> None:
        """Try a destination at once where the note that it is left alone has been taken away."""
        noted = self.pause > 0 and self._circuit.until == self._noted
        if noted and not await self._desk.lanes.shut_of(self._destination):
            self._circuit.reopen(self._desk.clock.monotonic())
