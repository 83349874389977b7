"""How things stand: who is owed what, what waits, and what stands in the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from telemetry.core.delivery import State
from telemetry.core.warning import Warned
from telemetry.ops.progress import Progress, progress
from telemetry.ops.sources import SourceStatus, read_sources
from telemetry.store.backlog import read_backlog
from telemetry.store.channels import Block, Channel, Channels
from telemetry.store.client import Connection
from telemetry.store.deliveries import queues
from telemetry.store.events import Events
from telemetry.store.leases import Lease, Leases
from telemetry.store.registry import Registered, Registry
from telemetry.store.runs import Runs
from telemetry.store.warnings import Warnings

WATCHER = "watcher"


@dataclass(frozen=True, slots=True)
class ConsumerStatus:
    """One consumer: what it is owed and how its queue stands; `since` is None for one that was written off."""

    name: str
    since: datetime | None
    paused: bool
    owed: int
    later: int  # owed too, but not due yet
    oldest_owed: datetime | None
    held: int
    pending: int
    in_flight: int
    dead: int
    parked: int

    @property
    def unfinished(self) -> int:
        """Deliveries that are not done."""
        return self.held + self.pending + self.in_flight + self.dead + self.parked


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """One Discord channel: who posts there, what is on its way, and what blocks it."""

    id: str
    holder: str
    held: bool
    in_flight: int
    block: Block | None


@dataclass(frozen=True, slots=True)
class Status:
    """The whole deployment, as the database knows it."""

    now: datetime
    events: int  # about
    watcher: Lease | None
    consumers: Sequence[ConsumerStatus]
    channels: Sequence[ChannelStatus]
    runs: Sequence[Progress]  # that are open
    sources: Sequence[SourceStatus]
    warnings: Sequence[Warned]  # newest first


async def read_status(connection: Connection) -> Status:
    """Read how everything stands."""
    registered = await Registry(connection).read()
    stored = [queue.consumer for queue in await queues(connection)]
    channels = await Channels(connection).all()
    flying = await in_flight(connection, channels)
    rows = [
        await _consumer(connection, name, registered.get(name), len(flying.get(name, ())))
        for name in sorted({*registered, *stored})
    ]
    lease = await Leases(connection).read(WATCHER)
    now = connection.clock.now()
    return Status(
        now=now,
        events=await Events(connection).estimate(),
        watcher=lease if lease and lease.until > now else None,
        consumers=[row for row in rows if row.since or row.unfinished],
        channels=[_channel(row, now, flying) for row in channels],
        runs=[progress(run, now) for run in await Runs(connection).open()],
        sources=await read_sources(connection),
        warnings=await Warnings(connection).all(),
    )


async def in_flight(connection: Connection, channels: Sequence[Channel]) -> Mapping[str, frozenset[str]]:
    """Name the deliveries that may be on their way now, by consumer: pending members of recorded batches."""
    members = dict(member for row in channels if row.batch for member in row.batch.members)
    if not members:
        return {}
    found = {}
    for queue in await queues(connection):
        rows = await queue.fetch(list(members))
        moving = [row.id for row in rows if row.state is State.PENDING and row.generation == members[row.id]]
        found[queue.consumer] = frozenset(moving)
    return found


async def _consumer(connection: Connection, name: str, known: Registered | None, flying: int) -> ConsumerStatus:
    backlog = await read_backlog(connection, name, registered=known is not None)
    rows = backlog.rows
    return ConsumerStatus(
        name=name,
        since=known.since if known else None,
        paused=bool(known and known.paused),
        owed=backlog.owed,
        later=backlog.later,
        oldest_owed=backlog.oldest_owed,
        held=rows[State.HELD],
        pending=max(rows[State.PENDING] - flying, 0),
        in_flight=rows[State.LEASED] + flying,
        dead=rows[State.DEAD],
        parked=rows[State.PARKED],
    )


def _channel(row: Channel, now: datetime, flying: Mapping[str, frozenset[str]]) -> ChannelStatus:
    members = {name for name, _ in row.batch.members} if row.batch else set()
    moving = sum(len(members & ids) for ids in flying.values())
    return ChannelStatus(row.id, row.holder, row.until > now, moving, row.block)
