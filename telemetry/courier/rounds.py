"""Which destinations have work: told by the queue's change stream, and asked of the queue now and then."""

from collections.abc import AsyncIterator

import anyio
from anyio.abc import TaskGroup

from telemetry.core.backoff import Backoff
from telemetry.core.carrier import Closed
from telemetry.core.delivery import State, destination_of
from telemetry.core.errors import UnavailableError
from telemetry.courier.desk import DESTINATION_SCOPE, Desk
from telemetry.courier.lane import Lane
from telemetry.runtime.logs import get_logger
from telemetry.runtime.service import root
from telemetry.store.feed import Hint, OpenFeed
from telemetry.store.pauses import BESIDE

log = get_logger(__name__)

TROUBLE = Backoff(first=1.0, cap=60.0)


class Rounds:
    """Keeps a lane going for each destination that has work, all of them side by side."""

    def __init__(self, desk: Desk, feed: OpenFeed) -> None:
        self._desk = desk
        self._feed = feed
        self._lanes: dict[str, Lane] = {}
        self._served: set[str] = set()
        self._changed = anyio.Event()

    async def run(self) -> None:
        """Go round until cancelled, then let go of the lanes; raise UnavailableError on database trouble."""
        try:
            async with self._feed() as hints, anyio.create_task_group() as group:
                group.start_soon(self._listen, hints, group, name="queue stream")
                try:
                    await self._go_round(group)
                finally:
                    self._desk.stopping.set()
        finally:
            with anyio.move_on_after(3, shield=True):
                await self._let_go()

    async def _listen(self, hints: AsyncIterator[Hint], group: TaskGroup) -> None:
        async for collection, name, _ in hints:
            if collection in BESIDE:
                self._desk.halts.changed()
                self._changed.set()
            elif collection in self._desk.carrier.beside:
                self._desk.carrier.changed()
                self._changed.set()
            else:
                self._want(destination_of(name), group)

    async def _go_round(self, group: TaskGroup) -> None:
        while True:
            self._changed = anyio.Event()
            await self._desk.publishing.publish_left()
            await self._reopen()
            for destination in await self._desk.queue.destinations(State.PENDING, State.LEASED):
                self._want(destination, group)
            with anyio.move_on_after(self._desk.settings.courier_poll):
                await self._changed.wait()

    async def _reopen(self) -> None:
        """Let what was parked with its destination come back with it."""
        desk = self._desk
        for destination in await desk.queue.destinations(State.PARKED):
            if not isinstance(await desk.carrier.terms(destination), Closed):
                returned = await desk.queue.unpark(destination, DESTINATION_SCOPE, desk.clock.now())
                if returned:
                    log.info("destination.reopened", destination=destination, returned=returned)

    def _want(self, destination: str, group: TaskGroup) -> None:
        # Kept while nothing waits, with what it knows of its destination, and with its lease.
        if destination not in self._lanes:
            self._lanes[destination] = Lane(destination, self._desk)
        lane = self._lanes[destination]
        lane.stir()
        if destination not in self._served:
            self._served.add(destination)
            group.start_soon(self._serve, lane, name=f"lane {destination}")

    async def _serve(self, lane: Lane) -> None:
        failures = 0
        with self._desk.metrics.lanes.track_inprogress():
            try:
                while True:
                    try:
                        await lane.serve()
                    except Exception as error:
                        if isinstance(root(error), UnavailableError):
                            raise
                        failures += 1
                        log.exception("lane.failed", destination=lane.destination)
                        await anyio.sleep(TROUBLE.delay(failures, self._desk.chance))
                        continue
                    return
            finally:
                self._served.discard(lane.destination)

    async def _let_go(self) -> None:
        try:
            await self._desk.lanes.release(self._desk.holder)
        except UnavailableError:
            log.info("lanes.left", why="the database is away; the leases lapse by themselves")
