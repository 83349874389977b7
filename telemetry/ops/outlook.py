"""What happens to one fact next, and when. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from telemetry.core.channel import destination_of
from telemetry.core.delivery import Delivery, State
from telemetry.core.event import Event
from telemetry.core.pause import Pause
from telemetry.store.channels import Channel
from telemetry.store.lanes import Shut
from telemetry.store.registry import Registered

WHEN = "%Y-%m-%d %H:%M:%S"


def owed(event: Event | None, registered: Mapping[str, Registered], now: datetime) -> list[str]:
    """Say what is still to be offered, and when."""
    if event is None:
        return ["the event is gone although deliveries of it are stored: run `tellonce verify`"]
    if event.cancelled is not None:
        return ["nothing: it is cancelled; a higher revision opens it again"]
    if event.due_at is None:
        return []
    lacking = [name for name in registered if name not in event.acks]
    if event.due_at > now:
        changes = f"; until then a higher revision changes it, and `tellonce cancel '{event.key}'` takes it back"
        return [f"it is due at {event.due_at:{WHEN}} UTC, and offered then{changes}"]
    return [f"{name}: {_why_owed(registered[name])}" for name in sorted(lacking)] or [
        "it is owed, but no consumer is registered: start `tellonce watch`" if not registered else "it settles soon"
    ]


def _why_owed(consumer: Registered) -> str:
    if consumer.pause:
        return f"owed; {consumer.pause.line}; `tellonce resume 'consumer:{consumer.name}'` lets it go on"
    return "owed; a watcher that runs this consumer offers it within seconds"


def blocked(channels: Sequence[Channel]) -> dict[str, Shut]:
    """Say which channels are left alone, by destination."""
    return {destination_of(row.id): Shut(row.block.until, row.block.reason) for row in channels if row.block}


def pause_over(row: Delivery, consumer: Registered | None, paused: Mapping[str, Pause]) -> Pause | None:
    """Give the pause by which a delivery that waits is not carried, if any."""
    if row.state not in (State.HELD, State.PENDING):
        return None
    return (consumer.pause if consumer else None) or paused.get(row.destination)


def halted(row: Delivery, name: str, consumer: Registered | None, pause: Pause) -> str:
    """Say that a delivery is not carried by order of an operator."""
    target = f"consumer:{name}" if consumer and consumer.pause else f"destination:{row.destination}"
    return f"{row.id}: waits: {pause.line}; `tellonce resume '{target}'` lets it go on"


def next_of(row: Delivery, flying: set[str], shut: Mapping[str, Shut], now: datetime) -> str:
    """Say what happens to a delivery next; `flying` are those that may be on their way now."""
    match row.state:
        case State.DELIVERED:
            said = "done: its row stays, so that a repeat is known"
        case State.SKIPPED:
            said = f"left out: {row.reason}" if row.reason else "left out by an operator"
        case State.DEAD:
            said = f"dead: {row.reason}; mend the cause, then `tellonce retry '{row.id}'`"
        case State.PARKED if row.scope:
            said = f"parked: {row.reason}; it comes back by itself with {row.destination}{_tried(row, shut, now)}"
        case State.PARKED:
            said = f"parked: {row.reason}; act on it, then `tellonce retry '{row.id}'`"
        case State.HELD:
            said = f"waits for its turn in run:{row.run}; `tellonce status {row.event}` tells how that goes"
        case State.LEASED:
            said = f"a courier has it now{_claimed(row)}"
        case State.PENDING:
            said = "on its way now" if row.id in flying else _waits(row, shut, now)
    return f"{row.id}: {said}"


def _tried(row: Delivery, shut: Mapping[str, Shut], now: datetime) -> str:
    held = shut.get(row.destination)
    return f", which is tried again at {held.until:%H:%M:%S} UTC" if held and held.until > now else ""


def _claimed(row: Delivery) -> str:
    who = f": {row.holder}, its claim {row.claims}" if row.holder else ""
    until = f"; unless it is held longer, another may take it at {row.ready_at:%H:%M:%S} UTC" if row.ready_at else ""
    return f"{who}{until}"


def _waits(row: Delivery, shut: Mapping[str, Shut], now: datetime) -> str:
    failed = f", after {row.failures} failed tries, the last one: {row.reason}" if row.failures else ""
    if held := shut.get(row.destination):
        when = f"tried again at {held.until:%H:%M:%S} UTC" if held.until > now else "to be tried again now"
        return f"waits: {row.destination} is left alone ({held.reason}), {when}{failed}"
    if row.ready_at and row.ready_at > now:
        return f"waits until {row.ready_at:{WHEN}} UTC{failed}"
    return f"waits for its courier, in order{failed}"


def next_at(
    event: Event | None,
    rows: Iterable[Delivery],
    shut: Mapping[str, Shut],
    pauses: Mapping[str, Pause],
    now: datetime,
) -> datetime | None:
    """Give the earliest time to come at which something is to be done about it; None where it is now, or never.

    `pauses` are those by which deliveries are not carried.
    """
    times = [_due(row, shut.get(row.destination), pauses.get(row.id)) for row in rows]
    times += [event.due_at] if event else []
    return min((at for at in times if at and at > now), default=None)


def _due(row: Delivery, shut: Shut | None, pause: Pause | None) -> datetime | None:
    waits = row.state in (State.PENDING, State.LEASED)
    if not waits and not (row.state is State.PARKED and row.scope):
        return None
    due = shut.until if shut else row.ready_at if waits else None
    if pause is None or due is None:
        return due
    return max(due, pause.until) if pause.until else None
