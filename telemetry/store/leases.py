"""Who runs a duty that one process at a time may run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from telemetry.store.client import Connection
from telemetry.store.commands import patiently


@dataclass(frozen=True, slots=True)
class Lease:
    """A duty held until a moment; every change of holder has a higher epoch."""

    duty: str
    holder: str
    epoch: int
    until: datetime


class Leases:
    """The `leases` collection, or another one of the same shape."""

    def __init__(self, connection: Connection, collection: str = "leases") -> None:
        self._connection = connection
        self._rows = connection[collection]

    async def acquire(self, duty: str, holder: str, seconds: float) -> Lease | None:
        """Take a free or lapsed duty, or renew one's own; None while another holds it."""
        now = self._connection.clock.now()
        until = now + timedelta(seconds=seconds)
        mine = {"_id": duty, "holder": holder, "until": {"$gt": now}}
        if await self._change(mine, {"$set": {"until": until}}) or await self._take(duty, holder, now, until):
            return await self._held(duty, holder)
        return None

    async def renew(self, lease: Lease, seconds: float) -> Lease | None:
        """Hold on to a duty; None when another epoch has begun or the lease has lapsed."""
        now = self._connection.clock.now()
        until = now + timedelta(seconds=seconds)
        held = {"_id": lease.duty, "holder": lease.holder, "epoch": lease.epoch, "until": {"$gt": now}}
        if await self._change(held, {"$set": {"until": until}}):
            return Lease(lease.duty, lease.holder, lease.epoch, until)
        return None

    async def release(self, lease: Lease) -> None:
        """Let a duty go at once, so that a successor need not wait."""
        held = {"_id": lease.duty, "holder": lease.holder, "epoch": lease.epoch}
        await self._change(held, {"$set": {"until": self._connection.clock.now()}})

    async def read(self, duty: str) -> Lease | None:
        """Say who holds or last held a duty."""
        row = await patiently(self._rows.find_one, {"_id": duty})
        return Lease(row["_id"], row["holder"], row["epoch"], row["until"]) if row else None

    async def _take(self, duty: str, holder: str, now: datetime, until: datetime) -> bool:
        lapsed = {"_id": duty, "until": {"$lte": now}}
        change = {"$set": {"holder": holder, "until": until}, "$inc": {"epoch": 1}}
        return await self._change(lapsed, change, upsert=True)

    async def _change(self, guard: Mapping[str, object], change: Mapping[str, Any], *, upsert: bool = False) -> bool:
        async def once() -> bool:
            try:
                result = await self._rows.update_one(guard, change, upsert=upsert)
            except DuplicateKeyError:
                # The row is there and not lapsed: the upsert has nothing to insert.
                return False
            return bool(result.modified_count) or result.upserted_id is not None

        return await patiently(once)

    async def _held(self, duty: str, holder: str) -> Lease | None:
        lease = await self.read(duty)
        return lease if lease and lease.holder == holder else None
