"""The courier of one channel, or of one user's direct messages: what waits goes out in order, one message at a time.

A step is: know where to post, wait for the pace, write down what is about to be sent, send it, judge the answer,
settle.
Killed between any two, the next courier finds the written batch and resolves it before anything else.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from email.utils import parsedate_to_datetime
from itertools import islice, takewhile

import anyio

from bot.desk import Desk, Standing
from bot.directs import PostponedError
from bot.resolution import Resolution
from bot.settlement import Settlement
from bot.verdict import Verdict, judge, judge_direct
from consumers.discord.message import compose, nonce, pack
from telemetry.core.answer import Answer, NoAnswer
from telemetry.core.channel import destination_of, user_of
from telemetry.core.delivery import Delivery
from telemetry.core.errors import StaleError
from telemetry.core.outcome import Delivered
from telemetry.runtime.logs import get_logger
from telemetry.store.channels import Batch, Channel, batch_from
from telemetry.store.feed import Hint

log = get_logger(__name__)

READ_AHEAD = 200


class ChannelCourier:
    """Drains one channel, or what is for one user."""

    def __init__(self, channel: str, desk: Desk, row: Channel | None = None) -> None:
        self._desk = desk
        self._standing = Standing(channel, row=row)
        self._settlement = Settlement(desk, self._standing)
        self._resolution = Resolution(desk, self._standing, self._settlement, self._wait_resolving, self._try)
        self.wanted = False  # whether more may have come since the last reading of the queue began

    async def drain(self) -> None:
        """Post until nothing waits, the channel is blocked or its user postponed.

        Raise UnavailableError when the database is away.
        """
        self._standing.exhausted = False
        self.wanted = False
        try:
            while await self._step():
                pass
        except PostponedError:
            # What was read is old by then, and what was recorded is found in the row.
            self._standing.forget()

    def knows(self, hint: Hint) -> bool:
        """Say whether a hint is old news."""
        return self._standing.knows(hint)

    async def _step(self) -> bool:
        standing = self._standing
        if await self._desk.halts.of(destination_of(standing.channel)):
            # What waits stays as it is, also what was or was about to be sent: it is resolved when that goes on.
            standing.reread()
            return False
        # A block may be lifted from outside: it is read again each time.
        kept = standing.row if standing.row and not standing.row.block else None
        row = kept or await self._desk.channels.read(standing.channel)
        if (pause := self._led_by_another(row)) > 0:
            standing.forget()
            if user_of(standing.channel) is not None:
                # Many others wait to be written to; what its holder leaves undone is found by the next look.
                return False
            await anyio.sleep(pause)
            return True
        if standing.row is not None and standing.row.epoch != row.epoch:
            standing.forget()
        standing.row = row
        if row.block and row.block.until > self._desk.clock.now():
            await self._settlement.park_waiting(row.block)
            return False
        if row.batch and row.batch.nonce != standing.resolved:
            await self._resolution.resolve(row, row.batch)
            return True
        return await self._post_next()

    def _led_by_another(self, row: Channel) -> float:
        if row.holder in ("", self._desk.holder):
            return 0.0
        return (row.until - self._desk.clock.now()).total_seconds()

    async def _post_next(self) -> bool:
        desk, standing = self._desk, self._standing
        if not standing.ahead and not standing.exhausted:
            self.wanted = False
            waiting = await desk.queue.waiting(destination_of(standing.channel), READ_AHEAD)
            standing.take_in(waiting, READ_AHEAD)
        if not standing.ahead:
            return False
        if earlier := standing.ahead[0].attempt:
            await self._resume(batch_from(earlier))
            return True
        most = desk.settings.digest_max
        if not await self._reach():
            standing.reread()
            return True
        await self._wait_turn()
        # One with an unresolved earlier try is never mixed in: it has its own batch to find out about.
        sound = list(takewhile(lambda item: not item.attempt, islice(standing.ahead, most)))
        count = pack(sound, most)
        items = [standing.ahead.popleft() for _ in range(count)]
        members = tuple((item.id, item.generation) for item in items)
        now = desk.clock.now()
        batch = Batch(members, nonce(standing.channel, members), desk.session.author, now, now, now)
        if standing.closed:
            await self._settlement.conclude(batch, items, standing.closed)
            return True
        await self._try(batch, items, desk.clock.monotonic())
        return True

    async def _resume(self, batch: Batch) -> None:
        # Who made a try is not known where a backup was put back: it was this bot.
        batch = replace(batch, author=batch.author or self._desk.session.author)
        # Parked when nobody could tell whether it was posted: that is still the first thing to find out.
        if await self._settlement.hold(batch):
            self._standing.let_go("")

    async def _reach(self) -> bool:
        """Learn where to post; say no where that took so long that what was read before is old."""
        desk, standing = self._desk, self._standing
        began = desk.clock.monotonic()
        found = await desk.directs.reach(standing.channel)
        standing.address, standing.closed = (found, None) if isinstance(found, str) else ("", found)
        return desk.clock.monotonic() - began <= desk.settings.record_fresh

    async def _wait_resolving(self) -> None:
        await self._reach()
        await self._wait_turn()

    async def _wait_turn(self) -> None:
        desk, channel = self._desk, self._standing.channel
        await desk.session.wait_open()
        while (pause := desk.pace.held(channel, desk.clock.monotonic())) > 0:  # noqa: ASYNC110 - it is time that is awaited
            await anyio.sleep(pause)
        await anyio.sleep(desk.pace.slot(desk.clock.monotonic()))

    async def _try(self, batch: Batch, items: Sequence[Delivery], asked: float) -> None:
        """Record a try and make it; nothing is sent when it is long (monotonic) since `asked`.

        Whatever the decision to try rests on was looked at after that moment.
        """
        # Asked once more: the waits before may have been long.
        if await self._desk.halts.of(destination_of(self._standing.channel)):
            self._standing.reread()
            return
        batch = self._dated(batch)
        if not await self._settlement.hold(batch):
            return
        # It is open now, whatever is known of earlier tries under the same nonce.
        self._standing.resolve("")
        # A stop waits for the answer: an effect without a record is the next process's riddle.
        with anyio.CancelScope(shield=True):
            await self._send(batch, items, asked)

    def _dated(self, batch: Batch) -> Batch:
        # The waits before the record are over: a try is dated by when it is made.
        now = self._desk.clock.now()
        origin = now if batch.tries == 1 else batch.origin_at
        first = now if batch.first_at == batch.last_at else batch.first_at
        return replace(batch, origin_at=origin, first_at=first, last_at=now)

    async def _send(self, batch: Batch, items: Sequence[Delivery], asked: float) -> None:
        desk, standing = self._desk, self._standing
        try:
            verdict = await self._post(batch, items, asked)
        except StaleError:
            desk.metrics.stale.inc()
            log.warning("post.stale", channel=standing.channel, nonce=batch.nonce)
            standing.forget()
            return
        await self._settlement.conclude(batch, items, verdict)

    async def _post(self, batch: Batch, items: Sequence[Delivery], asked: float) -> Verdict:
        """Post, and take whichever tells first what came of it: the answer, or the message coming back."""
        desk, fresh = self._desk, self._desk.settings.record_fresh
        payload = compose(self._standing.channel, items) | {"nonce": batch.nonce}
        verdicts: list[Verdict] = []
        stale: list[StaleError] = []
        async with anyio.create_task_group() as race:

            async def ask() -> None:
                try:
                    answer = await desk.poster.post(
                        self._standing.address, payload, lambda: desk.clock.monotonic() - asked <= fresh
                    )
                except StaleError as error:
                    stale.append(error)
                else:
                    self._learn(answer)
                    verdicts.append(self._judge(answer))
                race.cancel_scope.cancel()

            race.start_soon(ask, name="answer")
            message = await desk.session.receipts.wait(batch.nonce)
            verdicts.append(Verdict(Delivered({"message_id": message}), by="echo"))
            race.cancel_scope.cancel()
        if stale:
            raise stale[0]
        return verdicts[0]

    def _judge(self, answer: Answer | NoAnswer) -> Verdict:
        return judge(answer) if user_of(self._standing.channel) is None else judge_direct(answer)

    def _learn(self, answer: Answer | NoAnswer) -> None:
        if isinstance(answer, NoAnswer):
            return
        self._desk.pace.learn(self._standing.channel, answer.headers, self._desk.clock.monotonic())
        with suppress(KeyError, ValueError):
            self._desk.skew = parsedate_to_datetime(answer.headers["Date"]) - self._desk.clock.now()
