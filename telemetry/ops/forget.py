"""Forgetting a person, in this order; each step may be repeated by whoever comes after a crash.

The tombstones are made; the events are hidden, so that they say nothing and are owed to nobody; what waits of them is
left out; then there is a wait, in which what others had read before that comes to its end; then every trace of their
keys goes, the rows of their deliveries, and their own rows last, by which all the rest is found.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from secrets import token_hex

import anyio

from telemetry.core.audience import SNOWFLAKE
from telemetry.core.channel import channel_of, told_by_bot
from telemetry.core.delivery import State
from telemetry.core.erasure import Secret, holds, redactor
from telemetry.core.errors import TellonceError
from telemetry.core.event import Event
from telemetry.ops.alerts import scrub_alerts
from telemetry.ops.runs import Operator
from telemetry.store.attempts import Attempts
from telemetry.store.audiences import Audiences
from telemetry.store.channels import Batch, Channels
from telemetry.store.client import Connection
from telemetry.store.commands import chunks
from telemetry.store.deliveries import queues
from telemetry.store.erasures import Erasures
from telemetry.store.keys import Keys
from telemetry.store.runs import Runs
from telemetry.store.traces import Traces

PAGE = 50
# By then a watcher that slept has lost its lease, and ingest has learnt that it must look for tombstones.
SETTLE = 10.0
# A try that was recorded longer ago than this has come to something, or its courier is gone.
LONGEST_TRY = timedelta(minutes=1)

Seen = Callable[[int], None]


@dataclass
class Survey:
    """What is stored of a person."""

    events: int = 0
    owed: int = 0  # of these
    hidden: int = 0  # of these: an earlier run was cut short, or left them
    deliveries: int = 0
    unfinished: int = 0  # of these
    schedules: Sequence[str] = ()  # would make more
    audiences: Sequence[str] = ()  # have a member of that name


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What forgetting came to; what is left was on its way and is to be forgotten by another run."""

    events: int
    left: Sequence[str] = field(default_factory=list)


async def survey(connection: Connection, distinct_id: str, seen: Seen = lambda _: None) -> Survey:
    """Count what is stored of a person, changing nothing."""
    traces = Traces(connection)
    found = Survey(schedules=await traces.schedules(distinct_id))
    if SNOWFLAKE.fullmatch(distinct_id):
        found.audiences = await Audiences(connection).holding(f"discord-user:{distinct_id}")
    _, secret = await Keys(connection).read_all()
    keys = []
    # Nobody was forgotten without a secret: any will do to look for what there is not.
    async for event in Erasures(connection, secret or Secret(token_hex())).find(distinct_id):
        keys.append(event.key)
        found.owed += event.due_at is not None
        found.hidden += event.erased is not None
        seen(len(keys))
    found.events = len(keys)
    for queue in await queues(connection):
        for some in chunks(keys, PAGE):
            rows, unfinished = await queue.count_of(some)
            found.deliveries += rows
            found.unfinished += unfinished
    return found


async def forget(
    connection: Connection,
    distinct_id: str,
    operator: Operator,
    *,
    settle: float = SETTLE,
    seen: Seen = lambda _: None,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> Forgotten:
    """Remove all that is stored of a person, but that there was something. Safe to repeat, also after a crash.

    Raises TellonceError, with nothing changed, while a schedule would make more of it.
    """
    if named := await Traces(connection).schedules(distinct_id):
        raise TellonceError(
            f"schedule {named[0]!r} makes events of them: `tellonce schedule remove '{named[0]}'` first, then again"
        )
    secret = await Keys(connection).ensure_secret(token_hex(32))
    name, erasures = token_hex(8), Erasures(connection, secret)
    reason = redactor(distinct_id, {})(operator.reason)
    await erasures.note_begin(name, distinct_id, operator.by, reason, connection.clock.now())
    forgetting = Forgetting(connection, secret, distinct_id, f"forgotten by {operator.by}", seen)
    await forgetting.hide()
    await sleep(forgetting.wait(settle))
    done = await forgetting.remove()
    await erasures.note_end(name, done.events, len(done.left))
    return done


class Forgetting:
    """One run."""

    def __init__(self, connection: Connection, secret: Secret, distinct_id: str, reason: str, seen: Seen) -> None:
        self._connection = connection
        self._secret = secret
        self._erasures = Erasures(connection, secret)
        self._traces = Traces(connection)
        self._person = distinct_id
        self._reason = reason
        self._seen = seen
        self._events: dict[str, Event] = {}
        self._aliases: dict[str, str] = {}

    async def hide(self) -> None:
        """Let tombstones stand for a person's events, and see to it that no more is told of them."""
        self._events = {event.key: event async for event in self._erasures.find(self._person)}
        made = await self._made_again()
        self._events = {key: event for key, event in self._events.items() if key not in made}
        self._left = sorted(made)
        self._aliases = await self._traces.aliases(self._events)
        for some in chunks(list(self._events), PAGE):
            await self._erasures.bury([self._events[key] for key in some], self._aliases)
            await self._erasures.hide(some, self._person)
        await self._skip(list(self._events))

    def wait(self, settle: float) -> float:
        """Say how long others may still act on what they read before the last of it was hidden."""
        now = self._connection.clock.now()
        hidden = max((event.erased or now for event in self._events.values()), default=now - timedelta(seconds=settle))
        return max(settle - (now - hidden).total_seconds(), 0.0)

    async def remove(self) -> Forgotten:
        """Remove what is hidden, but for what is on its way."""
        await self._skip(list(self._events))
        batches = await self._traces.batches(self._events)
        busy = set[str]()
        for batch in batches.values():
            # All of a message is found out about by all of its members' ids.
            if await self._flying(batch):
                busy |= holds([name for name, _ in batch.members], self._events)
        for some in chunks(list(self._events), PAGE):
            busy |= await self._unfinished(some)
        gone = [key for key in self._events if key not in busy]
        await self._remove_traces(gone, batches)
        for some in chunks(gone, PAGE):
            busy |= await self._remove(some)
        return Forgotten(len(self._events) - len(busy), sorted({*self._left, *busy}))

    async def _made_again(self) -> set[str]:
        """Say which events are made by a delivery that may make them again: they must be found then."""
        origins = {key: event.origin or {} for key, event in self._events.items()}
        made = {key: str(origin["event"]) for key, origin in origins.items() if "handler" in origin}
        makers = sorted(set(made.values()) - set(self._events))
        unfinished = {key for some in chunks(makers, PAGE) for key in await self._unfinished(some)}
        return {key for key, maker in made.items() if maker in unfinished}

    async def _skip(self, keys: Sequence[str]) -> None:
        batches = await self._traces.batches(keys)
        flying = {name for batch in batches.values() for name in await self._flying(batch)}
        for queue in await queues(self._connection):
            for some in chunks(keys, PAGE):
                await queue.skip_waiting(some, flying, self._reason)
                # The bot reads ahead: what it records from now on it has read after this.
                skipped = await queue.skipped_for(some)
                await Channels(self._connection).fence([channel_of(name) for name in skipped if told_by_bot(name)])

    async def _flying(self, batch: Batch) -> set[str]:
        """Say which members of a message may be on their way now."""
        names = [name for name, _ in batch.members]
        rows = [row for queue in await queues(self._connection) for row in await queue.fetch(names)]
        open_states = {State.PENDING}
        if batch.last_at > self._connection.clock.now() - LONGEST_TRY:
            # Recorded just before it was left out, it may be posted all the same.
            open_states.add(State.SKIPPED)
        return {row.id for row in rows if row.state in open_states and (row.id, row.generation) in batch.members}

    async def _unfinished(self, keys: Sequence[str]) -> set[str]:
        runs = [run for key in keys for run in await Runs(self._connection).of_event(key)]
        offering = {run.event for run in runs if run.total is None}
        return offering.union(*[await queue.unfinished(keys) for queue in await queues(self._connection)])

    async def _remove_traces(self, gone: Collection[str], batches: dict[str, Batch]) -> None:
        names = {key: self._secret.name(key) for key in gone}
        for channel, batch in batches.items():
            await self._traces.rename_batch(channel, batch, names)
        await self._traces.rename_origins(names)
        aliases = [alias for alias, key in self._aliases.items() if key in names]
        await self._traces.remove_aliases(aliases)
        redact = redactor(self._person, names | {alias: self._secret.name(alias) for alias in aliases})
        await self._traces.redact(redact)
        await scrub_alerts(self._connection, redact)
        await self._traces.scrub_schedules(self._person)

    async def _remove(self, keys: Sequence[str]) -> set[str]:
        """Remove rows, an event's own last; say of which events there is something again by now."""
        await Attempts(self._connection).forget(keys)
        for queue in await queues(self._connection):
            await queue.forget(keys)
        again = await self._unfinished(keys)
        gone = [key for key in keys if key not in again]
        await Runs(self._connection).forget(gone)
        await self._erasures.remove(gone)
        self._seen(len(gone))
        return again
