"""One active process among several: the others stand by and take over within a lease."""

from collections.abc import Awaitable, Callable

import anyio

from telemetry.core.clock import Clock
from telemetry.core.errors import UnavailableError
from telemetry.runtime.logs import get_logger
from telemetry.store.leases import Lease, Leases

log = get_logger(__name__)

# A standby looks again this long after the lease it saw would lapse.
AFTER_LAPSE = 0.1
SHORTEST_LOOK = 0.5


class Duty:
    """Runs some work while, and only while, this process holds the lease on it."""

    def __init__(self, name: str, holder: str, leases: Leases, clock: Clock, seconds: float, renewal: float) -> None:
        self.name = name
        self._holder = holder
        self._leases = leases
        self._clock = clock
        self._seconds = seconds
        self._renewal = renewal

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Stand by until the duty is free, then work until it is lost; again and again until cancelled."""
        while True:
            lease = await self._acquire()
            log.info("duty.taken", duty=self.name, holder=self._holder, epoch=lease.epoch)
            try:
                await self._work(lease, work)
            finally:
                await self._release(lease)
            log.warning("duty.lost", duty=self.name, epoch=lease.epoch)

    async def _acquire(self) -> Lease:
        while True:
            current = await self._leases.read(self.name)
            wait = (current.until - self._clock.now()).total_seconds() if current else 0.0
            if wait <= 0 and (lease := await self._leases.acquire(self.name, self._holder, self._seconds)):
                return lease
            await anyio.sleep(min(max(wait + AFTER_LAPSE, SHORTEST_LOOK), self._seconds))

    async def _work(self, lease: Lease, work: Callable[[], Awaitable[None]]) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(self._renew, lease, group.cancel_scope, name=f"{self.name} renewal")
            await work()
            group.cancel_scope.cancel()

    async def _renew(self, lease: Lease, scope: anyio.CancelScope) -> None:
        while True:
            await anyio.sleep(self._renewal)
            try:
                renewed = await self._leases.renew(lease, self._seconds)
            except UnavailableError:
                renewed = lease if self._clock.now() < lease.until else None
            if renewed is None:
                # Another may hold it by now: what this process still has in memory is no longer its business.
                scope.cancel()
                return
            lease = renewed

    async def _release(self, lease: Lease) -> None:
        with anyio.move_on_after(2, shield=True):
            try:
                await self._leases.release(lease)
            except UnavailableError:
                log.info("duty.left", duty=self.name, why="the database is away; the lease lapses by itself")
