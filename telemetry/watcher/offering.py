"""Offering one event to whole audiences, page by page.

In this order, and each step may be repeated after a crash: what is to be offered is written down (the run's row),
then what was planned beside the audiences is offered, then the members' deliveries by the page, each followed by
a note of how far it is; then the event is acked, and the run's total noted.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace

from telemetry.core.delivery import Delivery, State
from telemetry.core.errors import TellonceError, UnavailableError
from telemetry.core.event import Event
from telemetry.core.fan_out import FanOut
from telemetry.core.pin import Pin, pin_of
from telemetry.core.run import Run, RunState
from telemetry.runtime.logs import get_logger
from telemetry.store.audiences import Audiences
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.recipients import recipients
from telemetry.store.registry import Registry
from telemetry.store.runs import Runs

log = get_logger(__name__)

PAGE = 500


@dataclass(frozen=True)
class Handed:
    """An event that a consumer owes to audiences, as it was planned just now."""

    event: Event
    consumer: str
    plan: Sequence[Delivery | FanOut]


def audiences_of(plan: Sequence[Delivery | FanOut]) -> frozenset[str]:
    """Name the audiences that a plan tells."""
    return frozenset(name for item in plan if isinstance(item, FanOut) for name in item.audiences)


class Offering:
    """One run on its way into its queue."""

    def __init__(self, connection: Connection, run: str, handed: Handed | None = None, batch: int = PAGE) -> None:
        self.run = run
        self.audiences = audiences_of(handed.plan) if handed else frozenset()
        self._connection = connection
        self._handed = handed
        self._batch = batch
        self._runs = Runs(connection)
        self._audiences = Audiences(connection)
        self._pin: Pin | None = None
        self._standing: Run | None = None
        self._members: AsyncGenerator[tuple[str, int]] | None = None
        self._plain = 0  # of what was planned beside the audiences, so much is in the queue

    async def step(self) -> bool:
        """Go on by one page; answer whether that was the last. Raises TellonceError where it cannot be planned."""
        if self._pin is None:
            return await self._begin()
        run = self._standing or await self._reread()
        if run is None:
            return True
        page, turns, after = await self._page(self._pin, run)
        if not page:
            await self._finish(self._pin, run)
            return True
        refusals = await self._offer(self._pin, page)
        self._standing = await self._noted(run, page, turns, after, refusals)
        return False

    async def _begin(self) -> bool:
        """Decide what is offered, or learn what was decided before; answer whether nothing is left to do."""
        pin = await self._runs.pin(self.run)
        if pin is None:
            if self._handed is None or not await self._is_owed(self._handed):
                return True
            await self._runs.ensure(await self._decide(self._handed))
            # Another watcher may have been first: what it wrote stands.
            pin = await self._runs.pin(self.run)
        if pin is None:
            return True
        self._plain = len(pin.plain) - len(await self._offer(pin, pin.plain))
        self._pin = pin
        return False

    async def _is_owed(self, handed: Handed) -> bool:
        event = await Events(self._connection).get(handed.event.key)
        if event is None or event.erased is not None:
            return False
        return handed.consumer not in event.acks and event.fired == handed.event.fired

    async def _decide(self, handed: Handed) -> Pin:
        versions = [await self._audiences.pin(item.audiences) for item in handed.plan if isinstance(item, FanOut)]
        return pin_of(handed.event, handed.consumer, handed.plan, versions)

    async def _reread(self) -> Run | None:
        await self.close()
        return await self._runs.read(self.run)

    async def _page(self, pin: Pin, run: Run) -> tuple[list[Delivery], int, str]:
        """Make the deliveries of the next members, whole members only; say where they leave the run."""
        if self._members is None:
            self._members = recipients(self._audiences, pin, run.after)
        page: list[Delivery] = []
        turns, after = run.turns, run.after
        async for destination, fan_out in self._members:
            deliveries = list(pin.deliveries(destination, fan_out, turns))
            page += deliveries
            turns, after = turns + len(deliveries), destination
            if len(page) >= min(self._batch, PAGE):
                break
        return page, turns, after

    async def _offer(self, pin: Pin, deliveries: Sequence[Delivery]) -> dict[str, str]:
        """Put deliveries in the queue; answer which of them can never be there, and why."""
        queue = Deliveries(self._connection, pin.consumer)
        try:
            await queue.offer(deliveries)
        except UnavailableError:
            raise
        except TellonceError:
            return await self._offer_apart(queue, deliveries)
        return {}

    async def _offer_apart(self, queue: Deliveries, deliveries: Sequence[Delivery]) -> dict[str, str]:
        refusals = {}
        for delivery in deliveries:
            try:
                await queue.offer([delivery])
            except UnavailableError:
                raise
            except TellonceError as error:
                refusals[delivery.id] = str(error)
                log.error("delivery.refused", delivery=delivery.id, why=str(error))  # noqa: TRY400
        return refusals

    async def _noted(
        self, run: Run, page: Sequence[Delivery], turns: int, after: str, refusals: dict[str, str]
    ) -> Run | None:
        there = [delivery for delivery in page if delivery.id not in refusals]
        moved = replace(
            run,
            turns=turns,
            after=after,
            offered=run.offered + len(there),
            unfit=run.unfit + sum(delivery.state is not State.HELD for delivery in there),
            refused=run.refused + len(refusals),
        )
        return moved if await self._runs.note_page(run, moved, refusals) else None

    async def _finish(self, pin: Pin, run: Run) -> None:
        registered = list(await Registry(self._connection).read())
        acks = {pin.event: {pin.consumer: self._plain + run.offered}}
        fired = {} if pin.fired is None else {pin.event: pin.fired}
        await Events(self._connection).ack(acks, registered, fired)
        # Last, as whoever comes after a crash looks for runs that are not complete.
        await self._runs.complete(run)

    async def cut_short(self) -> bool:
        """End the offering of a run that is cancelled, where it cannot come to its own end; answer whether it is."""
        run = await self._runs.read(self.run)
        if self._pin is None or run is None or run.state is not RunState.CANCELLING:
            return False
        await self._finish(self._pin, run)
        return True

    async def close(self) -> None:
        """Let go of what is open."""
        if self._members is not None:
            await self._members.aclose()
            self._members = None
