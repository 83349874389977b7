"""A daemon with one safeguard taken out: what the proof must be able to notice.

Here alone the harness knows the product from within. Each function undoes one rule in the process that it
is called in, before the daemon starts.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import anyio

from bot import courier, resolution
from bot.reconcile import NotFound
from bot.resolution import Resolution
from consumers.discord.message import compose
from telemetry.core.carrier import Errand
from telemetry.core.delivery import Delivery, Signal
from telemetry.core.event import Event
from telemetry.runtime import outbound
from telemetry.store.channels import Batch, Channel, Channels, batch_row
from telemetry.store.claims import Claims
from telemetry.store.deferred import Deferred
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.watcher.watcher import Watcher

Args = Any


def _put(owner: Any, name: str, function: Any) -> None:
    setattr(owner, name, function)


def nonce() -> None:
    """Discord is not asked to refuse a second message under one nonce."""

    def lax(channel: str, items: Sequence[Delivery]) -> dict[str, Any]:
        return compose(channel, items) | {"enforce_nonce": False}

    _put(courier, "compose", lax)


def sending_first() -> None:
    """What is about to be sent is kept in mind only."""

    async def record(self: Channels, known: Channel, holder: str, batch: Batch, seconds: float) -> Channel:
        until = self._connection.clock.now() + timedelta(seconds=seconds)
        return replace(known, holder=holder, epoch=known.epoch + (known.holder != holder), until=until, batch=batch)

    _put(Channels, "record", record)


def fence() -> None:
    """A channel is recorded as one's own whoever holds it by now."""

    async def record(self: Channels, known: Channel, holder: str, batch: Batch, seconds: float) -> Channel:
        until = self._connection.clock.now() + timedelta(seconds=seconds)
        epoch = known.epoch + (known.holder != holder)
        change = {"holder": holder, "epoch": epoch, "until": until, "batch": batch_row(batch)}
        await self._rows.update_one({"_id": known.id}, {"$set": change})
        return replace(known, holder=holder, epoch=epoch, until=until, batch=batch)

    _put(Channels, "record", record)


def tombstone() -> None:
    """A row that is done is deleted."""
    settle = Deliveries.settle

    async def settled(self: Deliveries, members: Sequence[tuple[str, int]], signal: Signal, **rest: Args) -> int:
        done = await settle(self, members, signal, **rest)
        if signal is Signal.DONE:
            await self._rows.delete_many({"_id": {"$in": [name for name, _ in members]}})
        return done

    _put(Deliveries, "settle", settled)


def sweep() -> None:
    """The change stream is all that the watcher goes by."""

    async def keep_sweeping(self: Watcher) -> None:
        self._caught_up.set()
        await anyio.sleep_forever()

    _put(Watcher, "_keep_sweeping", keep_sweeping)


def consumer_aware_settling() -> None:
    """An event is settled when those have acked it that this process just served."""
    ack = Events.ack

    async def acked(self: Events, acks: Mapping[str, Mapping[str, int]], _registered: Args) -> None:
        served = {tuple(taken) for taken in acks.values()}
        for names in served:
            await ack(self, {key: taken for key, taken in acks.items() if tuple(taken) == names}, names)

    _put(Events, "ack", acked)


def frozen_digest() -> None:
    """After a try of unknown outcome, whatever waits by then is packed anew."""

    async def resolve(self: Resolution, _row: Channel, batch: Batch) -> None:
        self._standing.reread()
        self._standing.resolve(batch.nonce)

    _put(Resolution, "resolve", resolve)


def history() -> None:
    """Beyond the nonce's window the channel's history is not read."""

    async def look(*_args: Args) -> NotFound:
        return NotFound()

    _put(resolution, "look", look)


def fresh_record() -> None:
    """A message leaves however long ago it was recorded."""

    async def check(*_args: Args) -> None:
        return

    _put(outbound, "_check_fresh", check)


def constant_id() -> None:
    """Each try of a webhook goes out under an id of its own."""
    _put(Errand, "id", property(lambda _: f"msg_{secrets.token_hex(16)}"))


def settling_last() -> None:
    """A delivery counts as done as soon as a courier has taken it."""
    take = Claims.take

    async def taken(self: Claims, delivery: Delivery, holder: str, until: datetime) -> Delivery | None:
        mine = await take(self, delivery, holder, until)
        if mine is not None:
            await self.finish(mine, Signal.DONE, result={"status": 0})
        return mine

    _put(Claims, "take", taken)


def guarded_firing() -> None:
    """What is about to be told is told, whatever it was revised to or cancelled since it was read."""

    async def fire(self: Deferred, events: Sequence[Event]) -> set[str]:
        for event in events:
            await self._rows.update_one({"_id": event.key}, {"$set": {"fired": event.revision}})
        return {event.key for event in events}

    _put(Deferred, "fire", fire)


SAFEGUARDS: Mapping[str, Callable[[], None]] = {
    "nonce": nonce,
    "sending first": sending_first,
    "fence": fence,
    "tombstone": tombstone,
    "sweep": sweep,
    "consumer-aware settling": consumer_aware_settling,
    "frozen digest": frozen_digest,
    "history": history,
    "fresh record": fresh_record,
    "guarded firing": guarded_firing,
    "constant id": constant_id,
    "settling last": settling_last,
}


def take_out(name: str) -> None:
    """Take one safeguard out of this process."""
    SAFEGUARDS[name]()
