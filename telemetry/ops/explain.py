"""One fact's life, from when it happened to what happens next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from telemetry.core.channel import channel_of, message_link, told_by_bot
from telemetry.core.delivery import Delivery, State
from telemetry.core.event import Event
from telemetry.ops.occurrence import untold
from telemetry.ops.outlook import blocked, halted, next_at, next_of, owed, pause_over
from telemetry.ops.progress import progress
from telemetry.ops.status import in_flight
from telemetry.ops.timeline import Moment, timeline
from telemetry.store.attempts import Attempt, Attempts
from telemetry.store.census import Census
from telemetry.store.channels import Channels
from telemetry.store.client import Connection
from telemetry.store.deliveries import queues
from telemetry.store.erasures import Erasures
from telemetry.store.events import Events
from telemetry.store.keys import Keys
from telemetry.store.lanes import Lanes
from telemetry.store.operations import Operation, Operations
from telemetry.store.pauses import Pauses
from telemetry.store.registry import Registry
from telemetry.store.runs import Runs

# Of each consumer: an event may have a hundred thousand.
MOST_SHOWN = 100
MOST_TRIES = 1000


@dataclass(frozen=True, slots=True)
class Explanation:
    """One fact's life: what happened, where its deliveries stand, and what happens next."""

    key: str
    asked: str  # the key that was asked for; another one where the type's policy was switched since
    event: Event | None  # absent when only deliveries are left, which should not be
    timeline: Sequence[Moment]
    deliveries: Mapping[str, Sequence[Delivery]]  # by consumer
    attempts: Sequence[Attempt]
    links: Mapping[str, str]  # to messages, by delivery
    ahead: Sequence[str]
    next_at: datetime | None = None  # the earliest time to come at which something is to be done


async def explain(connection: Connection, asked: str) -> Explanation | None:
    """Tell a fact's life by its key, or by the id of one of its deliveries; None when nothing is known of it."""
    wanted = asked.partition("|")[0]
    key = await Census(connection).present_key(wanted)
    event = await Events(connection).get(key)
    deliveries = {queue.consumer: await queue.of_event(key, MOST_SHOWN) for queue in await queues(connection)}
    deliveries = {name: rows for name, rows in deliveries.items() if rows}
    if event is None and not deliveries:
        return await _untold(connection, key, asked)
    rows = [row for of_consumer in deliveries.values() for row in of_consumer]
    attempts = await Attempts(connection).of_event(key, MOST_TRIES)
    registered = await Registry(connection).read()
    waiting = {row.destination for row in rows if row.state in (State.PENDING, State.PARKED)}
    channels = await Channels(connection).of([channel_of(name) for name in sorted(waiting) if told_by_bot(name)])
    flying = {name for ids in (await in_flight(connection, channels)).values() for name in ids}
    shut = blocked(channels)
    for name in deliveries:
        shut |= await Lanes(connection, name).shut()
    runs, paused = await Runs(connection).of_event(key), await Pauses(connection).read()
    replays = await _replays(connection, rows)
    pauses = {
        row.id: pause
        for name, of_consumer in deliveries.items()
        for row in of_consumer
        if (pause := pause_over(row, registered.get(name), paused))
    }
    now = connection.clock.now()
    return Explanation(
        key=key,
        asked=asked,
        event=event,
        timeline=timeline(event, deliveries, attempts, channels, replays),
        deliveries=deliveries,
        attempts=attempts,
        links={row.id: link for row in rows if row.result and (link := message_link(row.result))},
        ahead=[
            *owed(event, registered, now),
            *(progress(run, now).line for run in runs),
            *(
                halted(row, name, registered.get(name), pauses[row.id])
                if row.id in pauses
                else next_of(row, flying, shut, now)
                for name, of_consumer in deliveries.items()
                for row in of_consumer
            ),
            *(_more(name, key) for name, of_consumer in deliveries.items() if len(of_consumer) == MOST_SHOWN),
            *([f"the first {MOST_TRIES} tries are shown, there are more"] if len(attempts) == MOST_TRIES else ()),
        ],
        next_at=next_at(event, rows, shut, pauses, now),
    )


async def _untold(connection: Connection, key: str, asked: str) -> Explanation | None:
    _, secret = await Keys(connection).read_all()
    if secret and (erased := (await Erasures(connection, secret).known([key])).get(key)):
        at = erased.erased or erased.received_at
        return Explanation(
            key, asked, None, [Moment(at, "its person was forgotten")], {}, [], {}, ["nothing: it is erased"]
        )
    found = await untold(connection, key)
    if found is None:
        return None
    meant, why = found
    return Explanation(key, asked, None, [Moment(meant, "it is meant for this moment")], {}, [], {}, [why])


def _more(consumer: str, key: str) -> str:
    return f"{consumer}: the first {MOST_SHOWN} deliveries are shown; `tellonce audit '{key}'` goes through all of them"


async def _replays(connection: Connection, rows: Sequence[Delivery]) -> Mapping[str, Operation]:
    return await Operations(connection).of(sorted({row.replay["operation"] for row in rows if row.replay}))
