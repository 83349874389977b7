"""Which channels and users have work: told by the queue's change stream, and asked of the queue now and then."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import discord
from anyio.abc import TaskGroup

from bot.changes import Changes
from bot.courier import ChannelCourier
from bot.couriers import Couriers
from bot.crowd import Crowd
from bot.desk import CHANNEL_SCOPE, TROUBLE, Desk
from telemetry.core.channel import CHANNEL, USER, channel_of, destination_of, user_of
from telemetry.core.delivery import State
from telemetry.core.delivery import destination_of as told_at
from telemetry.core.errors import UnavailableError
from telemetry.runtime.logs import get_logger
from telemetry.store.feed import Hint, OpenFeed
from telemetry.store.pauses import BESIDE

log = get_logger(__name__)


class Rounds:
    """Keeps one courier going for each channel that has work, all of them side by side, and for so many users."""

    def __init__(self, desk: Desk, feed: OpenFeed, changes: Changes) -> None:
        self._desk = desk
        self._feed = feed
        self._changes = changes
        self._at_work: dict[str, ChannelCourier] = {}  # by the channel or user that is being drained
        self._couriers = Couriers(desk)
        self._crowd = Crowd(self._users_after, self._see_to)

    async def run(self) -> None:
        """Go round until cancelled, then let go of the channels; raise UnavailableError on database trouble."""
        await self._desk.session.wait_open()
        for row in await self._desk.channels.all():
            self._couriers.remember(row)
        try:
            async with self._feed() as hints, anyio.create_task_group() as group:
                group.start_soon(self._listen, hints, group, name="queue stream")
                group.start_soon(self._look_at_rights, name="permissions")
                self._crowd.start(group)
                await self._go_round(group)
        finally:
            with anyio.move_on_after(3, shield=True):
                await self._let_go()

    async def _look_at_rights(self) -> None:
        # Said at the start, not when a delivery of unknown outcome would need it.
        guilds: dict[str, Any] = {}
        for channel in self._couriers.channels():
            try:
                rights = await self._desk.session.lookout.rights(channel, guilds)
            except (UnavailableError, discord.HTTPException) as error:
                log.warning("channel.unseen", channel=channel, why=str(error))
                continue
            if rights.missing:
                log.warning("channel.lacks", channel=channel, permissions=rights.missing)

    async def _listen(self, hints: AsyncIterator[Hint], group: TaskGroup) -> None:
        async for hint in hints:
            if hint.collection in BESIDE:
                self._desk.halts.changed()
                await self._look_for_work(group)
                continue
            channel = channel_of(told_at(hint.id))
            if not self._couriers.knows(channel, hint):
                self._want(channel, group)

    async def _go_round(self, group: TaskGroup) -> None:
        while True:
            await self._look_for_work(group)
            for channel in await self._desk.channels.probeable():
                if await self._desk.halts.of(destination_of(channel)):
                    continue
                now = self._desk.clock.now()
                await self._desk.queue.unpark(destination_of(channel), CHANNEL_SCOPE, now, limit=1)
                self._want(channel, group)
            with anyio.move_on_after(self._desk.settings.bot_poll):
                await self._changes.wait()
            await self._unblock_changed()

    async def _look_for_work(self, group: TaskGroup) -> None:
        for destination in await self._desk.queue.destinations_of(State.PENDING, CHANNEL):
            self._want(channel_of(destination), group)
        self._crowd.look()

    async def _unblock_changed(self) -> None:
        """Try the blocked channels about which something has changed at once."""
        if not (changed := self._changes.take()):
            return
        try:
            for channel in await self._desk.channels.all():
                if channel.block and (None in changed or channel.id in changed):
                    await self._desk.channels.probe_now(channel.id)
        except UnavailableError:
            self._changes.put_back(changed)
            raise

    async def _users_after(self, user: str, rows: int) -> list[str]:
        name = destination_of(user) if user else ""
        found = await self._desk.queue.destinations_after(State.PENDING, USER, name, rows)
        return [channel_of(destination) for destination in found]

    def _want(self, channel: str, group: TaskGroup) -> None:
        if courier := self._at_work.get(channel):
            courier.wanted = True
        elif user_of(channel) is None:
            self._at_work[channel] = self._couriers.of(channel)
            group.start_soon(self._drain, channel, name=f"channel {channel}")
        else:
            self._crowd.want(channel)

    async def _see_to(self, user: str) -> None:
        if courier := self._at_work.get(user):
            courier.wanted = True
            return
        # The next look finds it again: many may be put off, and none of them costs a command.
        if self._desk.directs.postponed(user):
            return
        self._at_work[user] = self._couriers.of(user)
        await self._drain(user)

    async def _drain(self, channel: str) -> None:
        courier = self._at_work[channel]
        failures = 0
        with self._desk.metrics.channels.track_inprogress():
            try:
                while True:
                    try:
                        await courier.drain()
                    except UnavailableError:
                        raise
                    except Exception:
                        failures += 1
                        log.exception("channel.failed", channel=channel)
                        await anyio.sleep(TROUBLE.delay(failures, self._desk.chance))
                        if user_of(channel) is not None:
                            # Others wait for this place; the next look finds what is left here.
                            return
                        continue
                    if not courier.wanted:
                        return
            finally:
                del self._at_work[channel]

    async def _let_go(self) -> None:
        try:
            await self._desk.channels.release(self._desk.holder)
        except UnavailableError:
            log.info("channels.left", why="the database is away; the leases lapse by themselves")
