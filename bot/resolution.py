"""Finding out what became of a recorded batch, by the surest means that still works.

By a member that is settled under its nonce, by the message's echo, by the same nonce inside Discord's
window, by the channel's history beyond it; and where that cannot be read, by a person.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

import anyio

from bot.desk import Desk, Standing
from bot.reconcile import Found, NotFound, Past, Unreadable, find, recall
from bot.settlement import Settlement
from bot.verdict import Verdict
from telemetry.core.delivery import TOMBSTONES, Delivery, State
from telemetry.core.outcome import Dead, Parked
from telemetry.runtime.logs import get_logger
from telemetry.store.channels import Batch, Channel

log = get_logger(__name__)

Wait = Callable[[], Awaitable[None]]
Try = Callable[[Batch, Sequence[Delivery], float], Awaitable[None]]


class Resolution:
    """Resolves one channel's recorded batch before another takes its place."""

    def __init__(self, desk: Desk, standing: Standing, settlement: Settlement, wait_turn: Wait, try_again: Try) -> None:
        self._desk = desk
        self._standing = standing
        self._settlement = settlement
        self._wait_turn = wait_turn
        self._try = try_again
        self._past: Past | None = None

    async def resolve(self, row: Channel, batch: Batch) -> None:
        """Take one step towards certainty about a batch."""
        # Waited for first: whether the nonce still holds is asked when it is about to be used.
        await self._wait_turn()
        found = await self._desk.queue.fetch([name for name, _ in batch.members])
        items = [item for item in found if (item.id, item.generation) in batch.members]
        # What was parked or given up meanwhile, by a holder that had lost the channel, may be in it all the same.
        unsettled = [item for item in items if item.state not in TOMBSTONES]
        whole = all(item.state is State.PENDING for item in items) and len(items) == len(batch.members)
        asked = self._desk.clock.monotonic()
        if not unsettled:
            self._standing.resolve(batch.nonce)
        elif known := self._known(batch, items):
            message, by = known
            await self._settlement.delivered(batch, unsettled, {"message_id": message}, by)
        elif row.holder != self._desk.holder:
            # Whoever recorded it may wake up: from here on nothing of that holder's is sent or written any more.
            await self._settlement.hold(batch)
        elif batch.silent > self._desk.settings.max_silent_claims:
            await self._poisoned(batch, items)
        elif whole and self._nonce_holds(batch):
            await self._try(batch.again(self._desk.clock.now()), items, asked)
        else:
            await self._look(batch, unsettled)

    def _known(self, batch: Batch, items: Sequence[Delivery]) -> tuple[str | None, str] | None:
        for item in items:
            if item.result and item.result.get("nonce") == batch.nonce:
                return item.result.get("message_id"), "sibling"
        receipt = self._desk.session.receipts.get(batch.nonce)
        return (receipt, "receipt") if receipt else None

    def _nonce_holds(self, batch: Batch) -> bool:
        # After a refusal of a later try the nonce would only be refused again: the earlier try is the question.
        if self._standing.refusal is not None or self._standing.closed or batch.author != self._desk.session.author:
            return False
        return self._age(batch.first_at) < self._desk.settings.nonce_window

    def _age(self, moment: datetime) -> float:
        return (self._desk.clock.now() - moment).total_seconds()

    async def _look(self, batch: Batch, unsettled: Sequence[Delivery]) -> None:
        desk, standing = self._desk, self._standing
        seen = await self._seen(batch)
        log.info("history.read", channel=standing.channel, nonce=batch.nonce, came_to=type(seen).__name__)
        waiting = [item for item in unsettled if item.state is State.PENDING]
        match seen:
            case Found(message):
                await self._settlement.delivered(batch, unsettled, {"message_id": message}, "history")
            case Unreadable(reason):
                await self._settlement.park_unresolved(batch, unsettled, reason)
            case NotFound() if standing.refusal is not None:
                await self._settlement.refused(batch, waiting, standing.refusal)
            case NotFound() if len(waiting) < len(batch.members):
                await self._settlement.part(batch, unsettled)
            case NotFound():
                again = replace(batch.again(desk.clock.now(), window=True), author=desk.session.author)
                await self._try(again, waiting, desk.clock.monotonic())

    async def _seen(self, batch: Batch) -> Found | NotFound | Unreadable:
        desk, standing = self._desk, self._standing
        if standing.closed and isinstance(standing.closed.outcome, Dead | Parked):
            return Unreadable(f"whether it was posted cannot be seen: {standing.closed.outcome.reason}")
        # A post still on its way shows in no history yet.
        await anyio.sleep(max(desk.settings.history_settle - self._age(batch.last_at), 0))
        # After a backup was put back there are many to look for in one history: it is read once.
        if self._past is None or not self._past.covers(standing.address, batch):
            self._past = None
            past = await recall(desk.session.lookout, standing.address, batch, desk.skew)
            if isinstance(past, Unreadable):
                return past
            self._past = past
        return find(self._past, batch)

    async def _poisoned(self, batch: Batch, items: Sequence[Delivery]) -> None:
        reason = f"{batch.silent} tries ended without any outcome: the bot may die of it"
        if len(batch.members) == 1:
            await self._settlement.park_unresolved(batch, items, reason)
            return
        self._standing.refusal = Verdict(Dead(reason))
        await self._look(batch, items)
