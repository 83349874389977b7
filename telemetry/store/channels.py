"""One row a Discord channel or user: who posts there, and the one batch that may be on its way.

Users may be many: what looks through the rows looks through the channels alone, which stand before all users.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from telemetry.core.channel import AT
from telemetry.store.client import Connection
from telemetry.store.commands import chunks, ensure, patiently, read
from telemetry.store.documents import read_as

CHANNELS_ONLY = {"_id": {"$lt": AT}}

Member = tuple[str, int]  # delivery id, generation


@dataclass(frozen=True, slots=True)
class Batch:
    """What is or was about to be posted as one message; its members never change while that is unresolved."""

    members: Sequence[Member]
    nonce: str
    author: str  # the bot user: history is matched on it
    origin_at: datetime  # first try ever: where history must be read from
    first_at: datetime  # first try of the present nonce window
    last_at: datetime
    tries: int = 1
    silent: int = 1  # tries in a row of which no outcome was noted

    def again(self, now: datetime, *, window: bool = False) -> "Batch":
        """Give the same batch as recorded for one more try, in a new nonce window where told so."""
        first = now if window else self.first_at
        return replace(self, first_at=first, last_at=now, tries=self.tries + 1, silent=self.silent + 1)


@dataclass(frozen=True, slots=True)
class Block:
    """Why nothing is posted to a channel for now."""

    reason: str
    until: datetime
    tries: int


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel's row."""

    id: str
    holder: str
    epoch: int
    until: datetime
    batch: Batch | None = None
    block: Block | None = None


class Channels:
    """The `channels` collection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = connection["channels"]

    async def read(self, channel: str) -> Channel:
        """Read a channel's row, making it when there is none."""
        row = await patiently(self._rows.find_one, {"_id": channel})
        if row is None:
            fresh = {"holder": "", "epoch": 0, "until": self._connection.clock.now()}
            await ensure(self._rows, channel, fresh)
            (row,) = await read(self._rows, {"_id": channel})
        return _channel(row)

    async def all(self) -> list[Channel]:
        """Read every channel's row; those of users are left out."""
        return [_channel(row) for row in await read(self._rows, CHANNELS_ONLY, sort=(("_id", 1),))]

    async def of(self, names: Sequence[str]) -> list[Channel]:
        """Read the rows that exist of some channels and users."""
        found: list[Channel] = []
        for some in chunks(names, self._connection.chunk):
            found += [_channel(row) for row in await read(self._rows, {"_id": {"$in": list(some)}})]
        return found

    async def led(self) -> Channel | None:
        """Find a channel or user that a bot holds now, if there is one."""
        query = {"holder": {"$gt": ""}, "until": {"$gt": self._connection.clock.now()}}
        rows = await read(self._rows, query, limit=1)
        return _channel(rows[0]) if rows else None

    async def forget_batches(self) -> None:
        """Forget what was on its way to any channel or user: its members remember it themselves."""
        await patiently(self._rows.update_many, {"batch": {"$exists": True}}, {"$unset": {"batch": ""}})

    async def record(self, known: Channel, holder: str, batch: Batch, seconds: float) -> Channel | None:
        """Write down what is about to be posted, and hold the channel; None where the row is not as it was read.

        Every record starts an epoch: one that a lapsed holder has written since may be on its way too.
        """
        now = self._connection.clock.now()
        ours = known.holder == holder
        guard: dict[str, Any] = {"_id": known.id, "epoch": known.epoch, "holder": known.holder}
        if not ours:
            guard["until"] = {"$lte": now}
        recorded = Channel(known.id, holder, known.epoch + 1, now + timedelta(seconds=seconds), batch, known.block)
        change = {"holder": holder, "epoch": recorded.epoch, "until": recorded.until, "batch": batch_row(batch)}
        result = await patiently(self._rows.update_one, guard, {"$set": change})
        return recorded if result.matched_count else None

    async def fence(self, names: Sequence[str]) -> None:
        """Begin a new epoch of some channels and users: whoever serves one reads its queue anew before it records."""
        for some in chunks(names, self._connection.chunk):
            # Made again, it begins another one, which is as good.
            await patiently(self._rows.update_many, {"_id": {"$in": list(some)}}, {"$inc": {"epoch": 1}})

    async def note_outcome(self, known: Channel) -> None:
        """Note that a try of the recorded batch came to something: it was not this batch that killed us."""
        guard = {"_id": known.id, "epoch": known.epoch, "holder": known.holder}
        await patiently(self._rows.update_one, guard, {"$set": {"batch.silent": 0}})

    async def block(self, channel: str, block: Block) -> None:
        """Post nothing to a channel until a moment."""
        row = {"reason": block.reason, "until": block.until, "tries": block.tries}
        await patiently(self._rows.update_one, {"_id": channel}, {"$set": {"block": row}})

    async def unblock(self, channel: str) -> None:
        """Post to a channel again."""
        await patiently(self._rows.update_one, {"_id": channel}, {"$unset": {"block": ""}})

    async def probe_now(self, channel: str) -> None:
        """Let a blocked channel be tried at once: something about it has changed."""
        guard = {"_id": channel, "block": {"$exists": True}}
        await patiently(self._rows.update_one, guard, {"$set": {"block.until": self._connection.clock.now()}})

    async def probeable(self) -> list[str]:
        """List the blocked channels whose time to be tried again has come."""
        query = CHANNELS_ONLY | {"block.until": {"$lte": self._connection.clock.now()}}
        return [row["_id"] for row in await read(self._rows, query, fields={"_id": 1})]

    async def release(self, holder: str) -> None:
        """Let go of every channel held, so that a successor need not wait."""
        now = self._connection.clock.now()
        await patiently(self._rows.update_many, {"holder": holder, "until": {"$gt": now}}, {"$set": {"until": now}})


def batch_row(batch: Batch) -> dict[str, Any]:
    """Spell a batch as it is stored."""
    return {
        "members": [{"id": name, "generation": generation} for name, generation in batch.members],
        "nonce": batch.nonce,
        "author": batch.author,
        "origin_at": batch.origin_at,
        "first_at": batch.first_at,
        "last_at": batch.last_at,
        "tries": batch.tries,
        "silent": batch.silent,
    }


def batch_from(row: Mapping[str, Any]) -> Batch:
    """Read a batch as it is stored."""
    members = tuple((member["id"], member["generation"]) for member in row["members"])
    return read_as(Batch, {**row, "members": members})


def _channel(row: Mapping[str, Any]) -> Channel:
    return Channel(
        id=row["_id"],
        holder=row["holder"],
        epoch=row["epoch"],
        until=row["until"],
        batch=batch_from(row["batch"]) if row.get("batch") else None,
        block=read_as(Block, row["block"]) if row.get("block") else None,
    )
