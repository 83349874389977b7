"""One channel's courier: what waits there goes out in order, one message at a time.

A step is: wait for the pace, write down what is about to be sent, send it, judge the answer, settle.
Killed between any two, the next courier finds the written batch and resolves it before anything else: by
its receipt, by its nonce inside Discord's window, by the channel's history beyond it, or by a person.
"""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from itertools import islice
from random import Random
from typing import Any

import anyio

from bot.metrics import BotMetrics
from bot.pace import Pace
from bot.poster import Poster, StaleRecordError
from bot.reconcile import Found, NotFound, Unreadable, look
from bot.session import DiscordSession
from bot.verdict import Answer, NoAnswer, Scope, Verdict, judge
from consumers.discord.message import PLAIN, compose, nonce, pack
from telemetry.core.backoff import Backoff
from telemetry.core.clock import Clock
from telemetry.core.delivery import Delivery, Signal, State
from telemetry.core.errors import UnavailableError
from telemetry.core.outcome import Dead, Delivered, Parked, Retry, Unknown
from telemetry.runtime.logs import get_logger
from telemetry.runtime.settings import Settings
from telemetry.store.attempts import Attempt, Attempts
from telemetry.store.channels import Batch, Block, Channel, Channels, batch_from, batch_row
from telemetry.store.deliveries import Deliveries

log = get_logger(__name__)

READ_AHEAD = 200
TROUBLE = Backoff(first=1.0, cap=60.0)
BLOCKED = Backoff(first=60.0, cap=3600.0)
DESTINATION = "discord:"
CHANNEL_SCOPE = "channel"


@dataclass
class Desk:
    """What all couriers of one bot share."""

    queue: Deliveries
    channels: Channels
    attempts: Attempts
    session: DiscordSession
    poster: Poster
    pace: Pace
    clock: Clock
    chance: Random
    settings: Settings
    metrics: BotMetrics
    holder: str
    skew: timedelta = timedelta()  # Discord's time less the database's


class ChannelCourier:
    """Drains one channel."""

    def __init__(self, channel: str, desk: Desk) -> None:
        self._channel = channel
        self._desk = desk
        self._row: Channel | None = None
        self._resolved = ""  # nonce of the recorded batch, once nothing about it is open
        self._refusal: Verdict | None = None  # certain about the last try, but an earlier one may have passed
        self._failures = 0
        self._ahead: deque[Delivery] = deque()

    async def drain(self) -> None:
        """Post until nothing waits or the channel is blocked; raise UnavailableError when the database is away."""
        while await self._step():
            pass

    async def _step(self) -> bool:
        row = self._row or await self._desk.channels.read(self._channel)
        if (pause := self._led_by_another(row)) > 0:
            self._forget()
            await anyio.sleep(pause)
            return True
        self._row = row
        if row.block and row.block.until > self._desk.clock.now():
            await self._park_waiting(row.block)
            return False
        if row.batch and row.batch.nonce != self._resolved:
            await self._resolve(row, row.batch)
            return True
        return await self._post_next(row)

    def _led_by_another(self, row: Channel) -> float:
        if row.holder in ("", self._desk.holder):
            return 0.0
        return (row.until - self._desk.clock.now()).total_seconds()

    def _forget(self) -> None:
        self._row = None
        self._ahead.clear()

    async def _post_next(self, row: Channel) -> bool:
        if not self._ahead:
            self._ahead.extend(await self._desk.queue.waiting(DESTINATION + self._channel, READ_AHEAD))
        if not self._ahead:
            return False
        head = self._ahead[0]
        if head.attempt:
            await self._resume(row, batch_from(head.attempt))
            return True
        most = self._desk.settings.digest_max
        count = pack(list(islice(self._ahead, most)), most)
        items = [self._ahead.popleft() for _ in range(count)]
        members = tuple((item.id, item.generation) for item in items)
        now = self._desk.clock.now()
        batch = Batch(members, nonce(self._channel, members), self._desk.session.author, now, now, now)
        await self._try(row, batch, items)
        return True

    async def _resume(self, row: Channel, batch: Batch) -> None:
        # Parked when nobody could tell whether it was posted: that is still the first thing to find out.
        self._resolved = ""
        recorded = await self._desk.channels.record(row, self._desk.holder, batch, self._desk.settings.channel_lease)
        self._row = recorded
        self._ahead.clear()

    async def _try(self, row: Channel, batch: Batch, items: Sequence[Delivery]) -> None:
        desk = self._desk
        await desk.session.wait_open()
        now = desk.clock.monotonic()
        await anyio.sleep(desk.pace.wait(self._channel, now))
        batch = self._stamped(batch)
        asked = desk.clock.monotonic()
        recorded = await desk.channels.record(row, desk.holder, batch, desk.settings.channel_lease)
        if recorded is None:
            log.info("channel.lost", channel=self._channel, nonce=batch.nonce)
            self._forget()
            return
        self._row = recorded
        # A stop waits for the answer: an effect without a record is the next process's riddle.
        with anyio.CancelScope(shield=True):
            await self._send(recorded, batch, items, asked)

    def _stamped(self, batch: Batch) -> Batch:
        # The waits before the record are over: the tries are dated by when they are made.
        now = self._desk.clock.now()
        origin = now if batch.tries == 1 else batch.origin_at
        first = now if batch.first_at == batch.last_at else batch.first_at
        return replace(batch, origin_at=origin, first_at=first, last_at=now)

    async def _send(self, row: Channel, batch: Batch, items: Sequence[Delivery], asked: float) -> None:
        desk = self._desk
        payload = compose(self._channel, items) | {"nonce": batch.nonce}
        fresh = desk.settings.record_fresh
        try:
            answer = await desk.poster.post(self._channel, payload, lambda: desk.clock.monotonic() - asked <= fresh)
        except StaleRecordError:
            desk.metrics.stale.inc()
            log.warning("post.stale", channel=self._channel, nonce=batch.nonce)
            self._forget()
            return
        self._learn(answer)
        await self._conclude(row, batch, items, judge(answer))

    def _learn(self, answer: Answer | NoAnswer) -> None:
        if isinstance(answer, NoAnswer):
            return
        self._desk.pace.learn(self._channel, answer.headers, self._desk.clock.monotonic())
        with suppress(KeyError, ValueError):
            self._desk.skew = parsedate_to_datetime(answer.headers["Date"]) - self._desk.clock.now()

    async def _conclude(self, row: Channel, batch: Batch, items: Sequence[Delivery], verdict: Verdict) -> None:
        self._desk.metrics.tries.labels(type(verdict.outcome).__name__.lower()).inc()
        # Only the first try of a batch can say by itself that nothing of it is in the channel.
        certain = batch.tries == 1
        match verdict.outcome:
            case Delivered(result):
                await self._delivered(batch, result, "answer")
                return
            case Retry() as retry:
                self._wait_for(retry, verdict.scope)
                self._resolved = batch.nonce if certain else self._resolved
                self._ahead.clear()
            case Unknown(reason):
                self._hold(reason)
            case Dead() | Parked():
                if certain:
                    await self._refused(batch, items, verdict)
                else:
                    self._refusal = verdict
        await self._log_attempts(row, items, verdict)

    async def _delivered(self, batch: Batch, result: dict[str, Any] | Any, by: str) -> None:
        desk = self._desk
        if result.get("message_id"):
            desk.session.receipts.note(batch.nonce, result["message_id"])
        kept = {**result, "channel_id": self._channel, "nonce": batch.nonce}
        settled = await desk.queue.settle(batch.members, Signal.DONE, result=kept)
        if settled < len(batch.members):
            log.info("delivery.settled_elsewhere", channel=self._channel, nonce=batch.nonce, by=by)
        desk.metrics.delivered.labels(by).inc(settled)
        self._resolved, self._failures, self._refusal = batch.nonce, 0, None
        log.info("delivery.delivered", channel=self._channel, deliveries=settled, by=by, **result)
        if self._row and self._row.block:
            await self._unblock()

    def _wait_for(self, retry: Retry, scope: Scope) -> None:
        desk = self._desk
        if scope is Scope.TOKEN:
            desk.session.refuse()
            return
        self._failures += 1
        pause = retry.after if retry.after is not None else TROUBLE.delay(self._failures, desk.chance)
        desk.pace.hold(None if scope is Scope.GLOBAL else self._channel, desk.clock.monotonic() + pause)
        log.warning("post.waits", channel=self._channel, why=retry.reason, seconds=round(pause, 1))

    def _hold(self, reason: str) -> None:
        self._failures += 1
        pause = TROUBLE.delay(self._failures, self._desk.chance)
        self._desk.pace.hold(self._channel, self._desk.clock.monotonic() + pause)
        log.warning("post.unknown", channel=self._channel, why=reason, seconds=round(pause, 1))

    async def _refused(self, batch: Batch, items: Sequence[Delivery], verdict: Verdict) -> None:
        """Act on a refusal when it is certain that nothing of the batch is in the channel."""
        desk, ids = self._desk, [item.id for item in items]
        self._refusal = None
        self._ahead.clear()
        match verdict.outcome:
            case Parked(reason):
                await self._block(reason)
            case Dead() if len(items) > 1:
                await desk.queue.mark(ids, solo=True)
            case Dead() if verdict.reshape and items[0].rung < PLAIN:
                await desk.queue.mark(ids, rung=items[0].rung + 1)
            case Dead(reason):
                await desk.queue.settle(batch.members, Signal.GIVE_UP, reason=reason)
                log.error("delivery.dead", channel=self._channel, deliveries=ids, why=reason)
        self._resolved = batch.nonce

    async def _block(self, reason: str) -> None:
        desk = self._desk
        tries = (self._row.block.tries if self._row and self._row.block else 0) + 1
        until = desk.clock.now() + timedelta(seconds=BLOCKED.delay(tries, desk.chance))
        block = Block(reason, until, tries)
        await desk.channels.block(self._channel, block)
        await self._park_waiting(block)
        desk.metrics.blocked.inc()
        self._forget()

    async def _park_waiting(self, block: Block) -> None:
        parked = await self._desk.queue.park_all(DESTINATION + self._channel, block.reason, CHANNEL_SCOPE)
        if parked:
            log.error("channel.blocked", channel=self._channel, why=block.reason, parked=parked, until=block.until)

    async def _unblock(self) -> None:
        await self._desk.channels.unblock(self._channel)
        again = {"destination": DESTINATION + self._channel, "scope": CHANNEL_SCOPE}
        returned = await self._desk.queue.redrive(again, self._desk.clock.now())
        log.info("channel.unblocked", channel=self._channel, returned=returned)
        self._forget()

    async def _resolve(self, row: Channel, batch: Batch) -> None:
        """Find out what became of a recorded batch, by the surest means that still works."""
        desk = self._desk
        found = await desk.queue.fetch([name for name, _ in batch.members])
        items = [item for item in found if (item.id, item.generation) in batch.members]
        waiting = [item for item in items if item.state is State.PENDING]
        told = next((item.result for item in items if item.result and item.result.get("nonce") == batch.nonce), None)
        receipt = desk.session.receipts.get(batch.nonce)
        now = desk.clock.now()
        if not waiting:
            self._resolved = batch.nonce
        elif told is not None:
            await self._delivered(batch, {"message_id": told.get("message_id")}, "sibling")
        elif receipt is not None:
            await self._delivered(batch, {"message_id": receipt}, "receipt")
        elif batch.silent > desk.settings.max_silent_claims:
            await self._poisoned(row, batch, items, waiting)
        elif self._refusal is None and self._nonce_holds(batch, now) and len(waiting) == len(batch.members):
            await self._try(row, batch.again(now), items)
        else:
            await self._look(row, batch, items, waiting)

    def _nonce_holds(self, batch: Batch, now: Any) -> bool:
        age = (now - batch.first_at).total_seconds()
        return batch.author == self._desk.session.author and age < self._desk.settings.nonce_window

    async def _look(self, row: Channel, batch: Batch, items: Sequence[Delivery], waiting: Sequence[Delivery]) -> None:
        desk = self._desk
        settled_at = batch.last_at + timedelta(seconds=desk.settings.history_settle)
        await anyio.sleep(max((settled_at - desk.clock.now()).total_seconds(), 0))
        await desk.session.wait_open()
        seen = await look(desk.session, self._channel, batch, desk.skew)
        log.info("history.read", channel=self._channel, nonce=batch.nonce, found=type(seen).__name__.lower())
        match seen:
            case Found(message_id):
                await self._delivered(batch, {"message_id": message_id}, "history")
            case NotFound() if self._refusal is not None:
                await self._refused(batch, waiting, self._refusal)
            case NotFound() if len(waiting) < len(batch.members):
                await desk.queue.mark([name for name, _ in batch.members], attempt=None)
                self._resolved = batch.nonce
                self._ahead.clear()
            case NotFound():
                again = replace(batch.again(desk.clock.now(), window=True), author=desk.session.author)
                await self._try(row, again, items)
            case Unreadable(reason):
                await self._park_unresolved(batch, reason)

    async def _park_unresolved(self, batch: Batch, reason: str) -> None:
        await self._desk.queue.settle(batch.members, Signal.PARK, reason=reason, attempt=batch_row(batch))
        log.error("delivery.parked", channel=self._channel, deliveries=[name for name, _ in batch.members], why=reason)
        self._resolved = batch.nonce
        self._ahead.clear()

    async def _poisoned(
        self, row: Channel, batch: Batch, items: Sequence[Delivery], waiting: Sequence[Delivery]
    ) -> None:
        reason = f"{batch.silent} tries ended without any outcome: the bot may die of it"
        if len(batch.members) == 1:
            await self._park_unresolved(batch, reason)
            return
        self._refusal = Verdict(Dead(reason))
        await self._look(row, batch, items, waiting)

    async def _log_attempts(self, row: Channel, items: Sequence[Delivery], verdict: Verdict) -> None:
        desk = self._desk
        outcome, reason = type(verdict.outcome).__name__.lower(), getattr(verdict.outcome, "reason", "")
        now = desk.clock.now()
        # The log must never turn what happened into something else: without it the work goes on.
        with suppress(UnavailableError):
            await desk.attempts.append([Attempt(item.id, now, outcome, reason, desk.holder) for item in items])
            await desk.channels.note_outcome(row)
