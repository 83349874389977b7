"""Safeguards of the bot, and of whoever sends."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot import courier, resolution
from bot.reconcile import NotFound
from bot.resolution import Resolution
from consumers.discord.message import compose
from telemetry.core.delivery import Delivery, Signal
from telemetry.runtime import outbound
from telemetry.store.channels import Batch, Channel, Channels, batch_row
from telemetry.store.deliveries import Deliveries
from tests.crash.sabotage.put import Args, put


def nonce() -> None:
    """Discord is not asked to refuse a second message under one nonce."""

    def lax(channel: str, items: Sequence[Delivery]) -> dict[str, Any]:
        return compose(channel, items) | {"enforce_nonce": False}

    put(courier, "compose", lax)


def sending_first() -> None:
    """What is about to be sent is kept in mind only."""

    async def record(self: Channels, known: Channel, holder: str, batch: Batch, seconds: float) -> Channel:
        until = self._connection.clock.now() + timedelta(seconds=seconds)
        return replace(known, holder=holder, epoch=known.epoch + (known.holder != holder), until=until, batch=batch)

    put(Channels, "record", record)


def fence() -> None:
    """A channel is recorded as one's own whoever holds it by now."""

    async def record(self: Channels, known: Channel, holder: str, batch: Batch, seconds: float) -> Channel:
        until = self._connection.clock.now() + timedelta(seconds=seconds)
        epoch = known.epoch + (known.holder != holder)
        change = {"holder": holder, "epoch": epoch, "until": until, "batch": batch_row(batch)}
        await self._rows.update_one({"_id": known.id}, {"$set": change})
        return replace(known, holder=holder, epoch=epoch, until=until, batch=batch)

    put(Channels, "record", record)


def tombstone() -> None:
    """A row that is done is deleted."""
    settle = Deliveries.settle

    async def settled(self: Deliveries, members: Sequence[tuple[str, int]], signal: Signal, **rest: Args) -> int:
        done = await settle(self, members, signal, **rest)
        if signal is Signal.DONE:
            await self._rows.delete_many({"_id": {"$in": [name for name, _ in members]}})
        return done

    put(Deliveries, "settle", settled)


def frozen_digest() -> None:
    """After a try of unknown outcome, whatever waits by then is packed anew."""

    async def resolve(self: Resolution, _row: Channel, batch: Batch) -> None:
        self._standing.reread()
        self._standing.resolve(batch.nonce)

    put(Resolution, "resolve", resolve)


def history() -> None:
    """Beyond the nonce's window what the channel's history tells is not heeded."""

    def find(*_args: Args) -> NotFound:
        return NotFound()

    put(resolution, "find", find)


def fresh_record() -> None:
    """A message leaves however long ago it was recorded."""

    async def check(*_args: Args) -> None:
        return

    put(outbound, "_check_fresh", check)
