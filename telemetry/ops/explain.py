"""One fact's life, from when it happened to what happens next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from telemetry.core.channel import channel_of, destination_of, told_by_bot
from telemetry.core.delivery import Delivery, State
from telemetry.core.event import Event
from telemetry.ops.occurrence import told_by, untold
from telemetry.ops.progress import progress
from telemetry.ops.status import in_flight
from telemetry.store.attempts import Attempt, Attempts
from telemetry.store.census import Census
from telemetry.store.channels import Channel, Channels
from telemetry.store.client import Connection
from telemetry.store.deliveries import queues
from telemetry.store.erasures import Erasures
from telemetry.store.events import Events
from telemetry.store.keys import Keys
from telemetry.store.lanes import Lanes, Shut
from telemetry.store.registry import Registered, Registry
from telemetry.store.runs import Runs

# Of each consumer: an event may have a hundred thousand.
MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened to a fact."""

    at: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One fact's life: what happened, where its deliveries stand, and what happens next."""

    key: str
    asked: str  # the key that was asked for; another one where the type's policy was switched since
    event: Event | None  # absent when only deliveries are left, which should not be
    timeline: Sequence[Moment]
    deliveries: Mapping[str, Sequence[Delivery]]  # by consumer
    attempts: Sequence[Attempt]
    ahead: Sequence[str]


async def explain(connection: Connection, asked: str) -> Explanation | None:
    """Tell a fact's life by its key, or by the id of one of its deliveries; None when nothing is known of it."""
    wanted = asked.partition("|")[0]
    key = await Census(connection).alias(wanted) or wanted
    event = await Events(connection).get(key)
    deliveries = {queue.consumer: await queue.of_event(key, MOST_SHOWN) for queue in await queues(connection)}
    deliveries = {name: rows for name, rows in deliveries.items() if rows}
    if event is None and not deliveries:
        return await _untold(connection, key, asked)
    attempts = await Attempts(connection).of_event(key)
    registered = await Registry(connection).read()
    waiting = {row.destination for rows in deliveries.values() for row in rows if row.state is State.PENDING}
    channels = await Channels(connection).of([channel_of(name) for name in sorted(waiting) if told_by_bot(name)])
    flying = {name for ids in (await in_flight(connection, channels)).values() for name in ids}
    shut = [shut for name in deliveries for shut in (await Lanes(connection, name).shut()).items()]
    runs = await Runs(connection).of_event(key)
    now = connection.clock.now()
    return Explanation(
        key=key,
        asked=asked,
        event=event,
        timeline=_timeline(event, attempts),
        deliveries=deliveries,
        attempts=attempts,
        ahead=[
            *_owed(event, registered, now),
            *(progress(run, now).line for run in runs),
            *(_next(row, flying, [*_blocked(channels), *shut], now) for rows in deliveries.values() for row in rows),
            *(_more(name, key) for name, rows in deliveries.items() if len(rows) == MOST_SHOWN),
        ],
    )


async def _untold(connection: Connection, key: str, asked: str) -> Explanation | None:
    _, secret = await Keys(connection).read_all()
    if secret and (erased := (await Erasures(connection, secret).known([key])).get(key)):
        at = erased.erased or erased.received_at
        return Explanation(
            key, asked, None, [Moment(at, "its person was forgotten")], {}, [], ["nothing: it is erased"]
        )
    found = await untold(connection, key)
    if found is None:
        return None
    meant, why = found
    return Explanation(key, asked, None, [Moment(meant, "it is meant for this moment")], {}, [], [why])


def _more(consumer: str, key: str) -> str:
    return f"{consumer}: the first {MOST_SHOWN} deliveries are shown; `tellonce audit '{key}'` goes through all of them"


def _timeline(event: Event | None, attempts: Sequence[Attempt]) -> list[Moment]:
    moments = [Moment(attempt.at, f"{attempt.delivery}: {attempt.outcome}: {attempt.reason}") for attempt in attempts]
    if event is not None:
        moments.append(Moment(event.time, "it happened"))
        moments.append(Moment(event.received_at, f"accepted from {event.source}, receipt {event.receipt}"))
        if event.deliver_at is not None:
            moments.append(Moment(event.deliver_at, f"it was to be told from then on{_revision(event)}"))
        if event.cancelled is not None:
            moments.append(Moment(event.cancelled.at, f"cancelled by {event.cancelled.by}: {event.cancelled.reason}"))
        if event.erased is not None:
            moments.append(Moment(event.erased, "its person was forgotten; what is on its way is left for another run"))
        moments += [Moment(event.received_at, line) for line in told_by(event)]
        for name, ack in event.acks.items():
            moments.append(Moment(ack.at, f"{name} took it over as {_count(ack.deliveries)}"))
    return sorted(moments, key=lambda moment: moment.at)


def _owed(event: Event | None, registered: Mapping[str, Registered], now: datetime) -> list[str]:
    if event is None:
        return ["the event is gone although deliveries of it are stored: run `tellonce verify`"]
    if event.cancelled is not None:
        return ["nothing: it is cancelled; a higher revision opens it again"]
    if event.due_at is None:
        return []
    lacking = [name for name in registered if name not in event.acks]
    if event.due_at > now:
        changes = f"; until then a higher revision changes it, and `tellonce cancel '{event.key}'` takes it back"
        return [f"it is due at {event.due_at:%Y-%m-%d %H:%M:%S} UTC, and offered then{changes}"]
    return [f"{name}: {_why_owed(registered[name])}" for name in sorted(lacking)] or [
        "it is owed, but no consumer is registered: start `tellonce watch`" if not registered else "it settles soon"
    ]


def _why_owed(consumer: Registered) -> str:
    if consumer.paused:
        return "owed; offered once the consumer is resumed"
    return "owed; a watcher that runs this consumer offers it within seconds"


def _blocked(channels: Sequence[Channel]) -> list[tuple[str, Shut]]:
    return [(destination_of(row.id), Shut(row.block.until, row.block.reason)) for row in channels if row.block]


def _next(row: Delivery, flying: set[str], shut: Sequence[tuple[str, Shut]], now: datetime) -> str:
    match row.state:
        case State.DELIVERED:
            said = "done: its row stays, so that a repeat is known"
        case State.SKIPPED:
            said = "left out by an operator"
        case State.DEAD:
            said = f"dead: {row.reason}; mend the cause, then `tellonce retry '{row.id}'`"
        case State.PARKED:
            said = f"parked: {row.reason}; act on it, then `tellonce retry '{row.id}'`"
        case State.HELD:
            said = f"waits for its turn in run:{row.run}; `tellonce status {row.event}` tells how that goes"
        case State.LEASED:
            said = "a courier has it now"
        case State.PENDING:
            said = "on its way now" if row.id in flying else _waits(row, dict(shut), now)
    return f"{row.id}: {said}"


def _waits(row: Delivery, shut: Mapping[str, Shut], now: datetime) -> str:
    failed = f", after {row.failures} failed tries, the last one: {row.reason}" if row.failures else ""
    if held := shut.get(row.destination):
        when = f"tried again at {held.until:%H:%M:%S} UTC" if held.until > now else "to be tried again now"
        return f"waits: {row.destination} is left alone ({held.reason}), {when}{failed}"
    if row.ready_at and row.ready_at > now:
        return f"waits until {row.ready_at:%Y-%m-%d %H:%M:%S} UTC{failed}"
    return f"waits for its courier, in order{failed}"


def _revision(event: Event) -> str:
    return f", as revision {event.revision} says" if event.revision else ""


def _count(deliveries: int) -> str:
    return "1 delivery" if deliveries == 1 else f"{deliveries} deliveries"
