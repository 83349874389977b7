"""What an answer does to the rows: each outcome ends in one durable place, and nothing is dropped."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from bot.desk import BLOCKED, CHANNEL_SCOPE, TROUBLE, Desk, Standing
from bot.verdict import Scope, Verdict
from consumers.discord.message import PLAIN
from telemetry.core.channel import destination_of
from telemetry.core.delivery import Delivery, Signal, State
from telemetry.core.errors import UnavailableError
from telemetry.core.outcome import Dead, Delivered, Parked, Retry, Unknown
from telemetry.runtime.logs import get_logger
from telemetry.runtime.tracing import trace_try
from telemetry.store.attempts import Attempt
from telemetry.store.channels import Batch, Block, batch_row

log = get_logger(__name__)


class Settlement:
    """Writes down what one channel's tries came to."""

    def __init__(self, desk: Desk, standing: Standing) -> None:
        self._desk = desk
        self._standing = standing

    async def conclude(self, batch: Batch, items: Sequence[Delivery], verdict: Verdict) -> None:
        """Settle one try of a batch."""
        desk = self._desk
        desk.metrics.tries.labels(type(verdict.outcome).__name__.lower()).inc()
        for item in items:
            trace_try(item, desk.queue.consumer, verdict.outcome, batch.last_at, desk.clock.now())
        # Only the first try of a batch can say by itself that nothing of it is in the channel.
        certain = batch.tries == 1
        match verdict.outcome:
            case Delivered(result):
                await self.delivered(batch, items, result, verdict.by)
                return
            case Retry(reason, after):
                self._wait(reason, after, verdict.scope)
                if certain:
                    self._standing.let_go(batch.nonce)
            case Unknown(reason):
                self._wait(reason, None, Scope.CHANNEL)
            case Dead() | Parked() if certain:
                await self.refused(batch, items, verdict)
            case Dead() | Parked():
                self._standing.refusal = verdict
        await self._log_attempts(items, verdict)

    async def delivered(self, batch: Batch, items: Sequence[Delivery], result: Mapping[str, Any], by: str) -> None:
        """Settle a whole batch as delivered: one member under its nonce means all are."""
        desk, standing = self._desk, self._standing
        if message := result.get("message_id"):
            desk.session.receipts.note(batch.nonce, message)
        address = standing.address or standing.channel
        kept = {**result, "channel_id": address, "nonce": batch.nonce}
        if server := desk.session.server_of(address):
            kept["guild_id"] = server
        settled = await desk.queue.settle(batch.members, Signal.DONE, result=kept)
        if settled < len(batch.members):
            log.info("delivery.settled_elsewhere", channel=standing.channel, nonce=batch.nonce, by=by)
        standing.resolve(batch.nonce)
        standing.close([name for name, _ in batch.members])
        standing.failures = 0
        desk.metrics.delivered.labels(by).inc(settled)
        if kept_by := "nonce" if by == "answer" and batch.tries > 1 else by if by != "answer" else "":
            desk.metrics.suppressed.labels(kept_by).inc(settled)
        now = desk.clock.now().timestamp()
        for item in items:
            desk.metrics.latency.observe(max(now - item.wanted_at, 0))
        log.info("delivery.delivered", channel=standing.channel, deliveries=settled, by=by, **result)
        if standing.row and standing.row.block:
            await self._unblock()

    async def refused(self, batch: Batch, items: Sequence[Delivery], verdict: Verdict) -> None:
        """Act on a refusal when it is certain that nothing of the batch is in the channel."""
        if not await self.hold(batch):
            return
        desk, standing, ids = self._desk, self._standing, [item.id for item in items]
        match verdict.outcome:
            case Dead(reason) | Parked(reason) if verdict.scope is Scope.USER:
                await self._refused_by_user(batch, ids, verdict.outcome, reason)
            case Parked(reason):
                await self._block(reason)
            case Dead() if len(items) > 1:
                await desk.queue.mark(ids, solo=True, attempt=None)
            case Dead() if verdict.reshape and items[0].rung < PLAIN:
                await desk.queue.mark(ids, rung=items[0].rung + 1, attempt=None)
            case Dead(reason):
                await desk.queue.settle(batch.members, Signal.GIVE_UP, reason=reason)
                log.error("delivery.dead", channel=standing.channel, deliveries=ids, why=reason)
        standing.let_go(batch.nonce)

    async def park_unresolved(self, batch: Batch, items: Sequence[Delivery], reason: str) -> None:
        """Park a batch of which nobody can tell whether it was posted, with all that is known about it."""
        if not await self.hold(batch):
            return
        attempt, ids = batch_row(batch), [item.id for item in items if item.state is not State.DEAD]
        await self._desk.queue.settle(batch.members, Signal.PARK, reason=reason, attempt=attempt)
        # Some may have been parked with their channel: when they come back with it, this is to be found out first.
        await self._desk.queue.remember([item.id for item in items if item.state is State.PARKED], attempt)
        log.error("delivery.parked", channel=self._standing.channel, deliveries=ids, why=reason)
        self._standing.let_go(batch.nonce)

    async def part(self, batch: Batch, items: Sequence[Delivery]) -> None:
        """Let the members of a batch go their own ways: nothing of it is in the channel, and it is not whole."""
        if not await self.hold(batch):
            return
        await self._desk.queue.forget_attempt([item.id for item in items], batch.nonce, batch.last_at)
        self._standing.let_go(batch.nonce)

    async def hold(self, batch: Batch) -> bool:
        """Write a batch down as the one in flight, and hold the channel; say no, and forget it, where it is another's.

        Nothing is sent, and no outcome but a delivery is settled, by anybody else.
        """
        desk, standing = self._desk, self._standing
        held = None
        if standing.row is not None:
            held = await desk.channels.record(standing.row, desk.holder, batch, desk.settings.channel_lease)
        if held is None:
            log.info("channel.lost", channel=standing.channel, nonce=batch.nonce)
            standing.forget()
        else:
            standing.row = held
        return held is not None

    async def park_waiting(self, block: Block) -> None:
        """Park all that waits for a blocked channel, to come back with it."""
        channel = self._standing.channel
        parked = await self._desk.queue.park_all(destination_of(channel), block.reason, CHANNEL_SCOPE)
        if parked:
            log.error("channel.blocked", channel=channel, why=block.reason, parked=parked, until=str(block.until))

    def _wait(self, reason: str, after: float | None, scope: Scope) -> None:
        desk, standing = self._desk, self._standing
        if scope is Scope.TOKEN:
            desk.session.refuse()
            return
        if scope in (Scope.USER, Scope.DIRECTS):
            desk.directs.forget(standing.channel)
        if scope is Scope.DIRECTS:
            desk.directs.slow_down(reason, after)
            return
        standing.failures += 1
        pause = TROUBLE.delay(standing.failures, desk.chance) if after is None else after
        desk.pace.hold(None if scope is Scope.GLOBAL else standing.channel, desk.clock.monotonic() + pause)
        log.warning("post.waits", channel=standing.channel, why=reason, seconds=round(pause, 1))

    async def _refused_by_user(self, batch: Batch, ids: Sequence[str], outcome: Dead | Parked, reason: str) -> None:
        # No simpler form helps, nor does waiting: the others of the same user are told so when it is their turn.
        signal = Signal.GIVE_UP if isinstance(outcome, Dead) else Signal.PARK
        await self._desk.queue.settle(batch.members, signal, reason=reason)
        log.error("direct.refused", channel=self._standing.channel, deliveries=ids, why=reason)

    async def _block(self, reason: str) -> None:
        desk, standing = self._desk, self._standing
        tries = (standing.row.block.tries if standing.row and standing.row.block else 0) + 1
        until = desk.clock.now() + timedelta(seconds=BLOCKED.delay(tries, desk.chance))
        block = Block(reason, until, tries)
        await desk.channels.block(standing.channel, block)
        await self.park_waiting(block)
        desk.metrics.blocked.inc()
        standing.forget()

    async def _unblock(self) -> None:
        desk, standing = self._desk, self._standing
        await desk.channels.unblock(standing.channel)
        returned = await desk.queue.unpark(destination_of(standing.channel), CHANNEL_SCOPE, desk.clock.now())
        log.info("channel.unblocked", channel=standing.channel, returned=returned)
        standing.forget()

    async def _log_attempts(self, items: Sequence[Delivery], verdict: Verdict) -> None:
        desk = self._desk
        outcome, reason = type(verdict.outcome).__name__.lower(), getattr(verdict.outcome, "reason", "")
        now = desk.clock.now()
        # The log must never turn what happened into something else: without it the work goes on.
        with suppress(UnavailableError):
            await desk.attempts.append([Attempt(item.id, now, outcome, reason, desk.holder) for item in items])
            if self._standing.row:
                await desk.channels.note_outcome(self._standing.row)
