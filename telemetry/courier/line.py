"""Order within a group: the head of a line goes, and those behind it stand back until it is done."""

from collections.abc import Collection
from datetime import timedelta

from telemetry.core.delivery import Delivery, State
from telemetry.courier.desk import Desk


class Line:
    """The lines in which one destination's deliveries stand."""

    def __init__(self, desk: Desk, under_way: Collection[str]) -> None:
        self._desk = desk
        self._under_way = under_way

    async def in_turn(self, delivery: Delivery) -> Delivery | None:
        """Give the head of a delivery's line if that may go now; otherwise have those behind it stand back."""
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
        if head.id in ours.difference(self._under_way):
            # It was done before those behind it stood back, and called up nobody.
            await claims.step_up(head)
        return None

    async def call_up(self, done: Delivery) -> None:
        """Let the next in line go, now that one is done."""
        if done.group is not None:
            await self._desk.claims.step_up(done)
