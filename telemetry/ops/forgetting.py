"""One run of forgetting a person: what it found, what is on its way, and what it removes."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from telemetry.core.channel import channel_of, told_by_bot
from telemetry.core.delivery import State
from telemetry.core.erasure import Secret, holds, redactor
from telemetry.core.event import Event
from telemetry.core.run import Ended
from telemetry.ops.alerts import scrub_alerts
from telemetry.store.attempts import Attempts
from telemetry.store.channels import Batch, Channels
from telemetry.store.client import Connection
from telemetry.store.commands import chunks
from telemetry.store.deliveries import queues
from telemetry.store.erasures import Erasures
from telemetry.store.runs import Runs
from telemetry.store.traces import Traces

FORGET = "tellonce forget"
PAGE = 50
# A try that was recorded longer ago than this has come to something, or its courier is gone.
LONGEST_TRY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What forgetting came to; what is left was on its way and is to be forgotten by another run."""

    events: int
    left: Sequence[str] = field(default_factory=list)


class Forgetting:
    """One run."""

    def __init__(
        self, connection: Connection, secret: Secret, distinct_id: str, reason: str, seen: Callable[[int], None]
    ) -> None:
        self._connection = connection
        self._secret = secret
        self._erasures = Erasures(connection, secret)
        self._traces = Traces(connection)
        self._person = distinct_id
        self._reason = reason
        self._seen = seen
        self._events: dict[str, Event] = {}
        self._aliases: dict[str, str] = {}
        self._left: set[str] = set()

    async def hide(self) -> None:
        """Let tombstones stand for a person's events, and see to it that no more is told of them."""
        self._events = {event.key: event async for event in self._erasures.find(self._person)}
        self._left = await self._made_again()
        self._events = {key: event for key, event in self._events.items() if key not in self._left}
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
        busy = await self._named_since()
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
        # A courier that has settled tells the log after that.
        for some in chunks(gone, PAGE):
            await Attempts(self._connection).forget(some)
        return Forgotten(len(self._events) - len(busy), sorted(self._left | busy))

    async def _named_since(self) -> set[str]:
        """Say which events were given another key since they were hidden, for which no tombstone stands yet."""
        named = await self._traces.aliases(self._events)
        return {key for alias, key in named.items() if alias not in self._aliases}

    async def _made_again(self) -> set[str]:
        """Say which events are made by a delivery that may make them again: they must be found then."""
        origins = {key: event.origin or {} for key, event in self._events.items()}
        made = {key: str(origin["event"]) for key, origin in origins.items() if "handler" in origin}
        makers = sorted(set(made.values()) - set(self._events))
        unfinished = {key for some in chunks(makers, PAGE) for key in await self._unfinished(some)}
        return {key for key, maker in made.items() if maker in unfinished}

    async def _skip(self, keys: Sequence[str]) -> None:
        cancelled = Ended(FORGET, self._connection.clock.now(), self._reason)
        for some in chunks(keys, PAGE):
            # What is put in the queue after this, by who offers to an audience just now, is left out by its run.
            await Runs(self._connection).cancel_of(some, cancelled)
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
        offering = await Runs(self._connection).offering_of(keys)
        return offering.union(*[await queue.unfinished(keys) for queue in await queues(self._connection)])

    async def _remove_traces(self, gone: Collection[str], batches: dict[str, Batch]) -> None:
        names = {key: self._secret.name(key) for key in gone}
        for channel, batch in batches.items():
            await self._traces.rename_batch(channel, batch, names)
        await self._traces.rename_origins(names)
        aliases = [alias for alias, key in self._aliases.items() if key in names]
        known = names | {alias: self._secret.name(alias) for alias in aliases}
        redact = redactor(self._person, known)
        await self._traces.redact(redact, known)
        await scrub_alerts(self._connection, redact)
        await self._traces.scrub_schedules(self._person)
        # By these the others' words are known.
        await self._traces.remove_aliases(aliases)

    async def _remove(self, keys: Sequence[str]) -> set[str]:
        """Remove rows, an event's own last; say of which events there is something again by now."""
        await Attempts(self._connection).forget(keys)
        for queue in await queues(self._connection):
            await queue.forget(keys)
        again = await self._unfinished(keys)
        gone = [key for key in keys if key not in again]
        if gone:
            await Runs(self._connection).forget(gone)
            await self._erasures.remove(gone)
            self._seen(len(gone))
        return again
