"""What happened to one fact, moment by moment, as far as it is stored. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from telemetry.core.channel import destination_of, message_link, posted_at
from telemetry.core.clock import EPOCH
from telemetry.core.delivery import Delivery, State
from telemetry.core.event import Event, Repeats
from telemetry.ops.occurrence import told_by
from telemetry.store.attempts import Attempt
from telemetry.store.channels import Channel
from telemetry.store.operations import Operation

# A try is noted when what it came to is written down.
AT_ONCE = timedelta(minutes=1)
# What a try is called that delivered.
_TOLD = {State.DELIVERED: ("delivered", "completed")}


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened to a fact, and who did it."""

    at: datetime
    what: str
    by: str | None = None
    link: str | None = None


def timeline(
    event: Event | None,
    deliveries: Mapping[str, Sequence[Delivery]],
    attempts: Sequence[Attempt],
    channels: Sequence[Channel],
    replays: Mapping[str, Operation],
) -> list[Moment]:
    """Tell what happened, in the order of time; what is not stored with its time is left out."""
    rows = [row for of_consumer in deliveries.values() for row in of_consumer]
    told = [
        *(_of_event(event) if event else ()),
        *_tried(attempts),
        *_of_rows(rows, attempts),
        *_set_out(rows, channels),
    ]
    told += _told_again(rows, replays)
    return sorted(told, key=lambda moment: moment.at)


def _of_event(event: Event) -> Iterator[Moment]:
    yield Moment(event.time, "it happened")
    yield Moment(event.received_at, f"accepted from {event.source}, receipt {event.receipt}")
    if event.repeats is not None:
        yield Moment(event.repeats.last_at, _again(event.repeats))
    if event.deliver_at is not None:
        revised = f", as revision {event.revision} says" if event.revision else ""
        yield Moment(event.deliver_at, f"it was to be told from then on{revised}")
    if event.cancelled is not None:
        yield Moment(event.cancelled.at, f"cancelled by {event.cancelled.by}: {event.cancelled.reason}")
    if event.erased is not None:
        yield Moment(event.erased, "its person was forgotten; what is on its way is left for another run")
    for line in told_by(event):
        yield Moment(event.received_at, line)
    for name, ack in event.acks.items():
        number = "1 delivery" if ack.deliveries == 1 else f"{ack.deliveries} deliveries"
        yield Moment(ack.at, f"{name} took it over as {number}")


def _told_again(rows: Iterable[Delivery], replays: Mapping[str, Operation]) -> Iterator[Moment]:
    for row in rows:
        if not row.replay:
            continue
        name = str(row.replay["operation"])
        known = replays.get(name)
        why = f": {known.reason}" if known else ""
        was = ", ".join(f"{part} {value}" for part, value in (row.replay.get("result") or {}).items())
        said = f"{row.id}: to be told once more, as generation {row.generation}{why} (replay {name})"
        by = known.by if known else "an operator"
        yield Moment(row.replay["at"], f"{said}; told before as {was}" if was else said, by=by)


def _again(repeats: Repeats) -> str:
    counts = ", ".join(f"{status.replace('_', ' ')} {number}" for status, number in sorted(repeats.counts.items()))
    differs = f"; the last other body differed in {', '.join(repeats.differs)}" if repeats.differs else ""
    return f"it came again, the last time of at least {sum(repeats.counts.values())} ({counts}){differs}"


def _tried(attempts: Iterable[Attempt]) -> Iterator[Moment]:
    # One that fails in the same way for hours is two lines: the first time, and the last.
    by_delivery = sorted(attempts, key=lambda attempt: (attempt.delivery, attempt.at))
    for _, alike in groupby(by_delivery, key=lambda attempt: (attempt.delivery, attempt.outcome, attempt.reason)):
        first, *others = alike
        yield _try(first, "")
        if others:
            times = len(others) + 1
            yield _try(others[-1], f", as {'before' if times == 2 else f'{times - 1} times before'}")  # noqa: PLR2004


def _try(attempt: Attempt, again: str) -> Moment:
    took = f", {attempt.took_ms} ms" if attempt.took_ms is not None else ""
    return Moment(
        attempt.at, f"{attempt.delivery}: {attempt.outcome}: {attempt.reason}{again}", f"{attempt.holder}{took}"
    )


def _of_rows(rows: Iterable[Delivery], attempts: Sequence[Attempt]) -> Iterator[Moment]:
    for row in rows:
        if row.attempt and row.attempt["first_at"] == EPOCH:
            # As `tellonce restored` leaves it.
            since = f"it may have been posted since {row.attempt['origin_at']:%Y-%m-%d %H:%M:%S} UTC"
            said = f"{row.id}: a backup was put back: {since}, and is looked for first"
            yield Moment(row.attempt["last_at"], said)
        elif row.attempt:
            times = f"{row.attempt['tries']} times" if row.attempt["tries"] > 1 else "once"
            yield Moment(row.attempt["last_at"], f"{row.id}: sent, {times} by then, and nobody knows what came of it")
        if row.result and (at := posted_at(row.result)):
            yield Moment(at, f"{row.id}: posted", link=message_link(row.result))
        elif row.since and not any(_tells(attempt, row, row.since) for attempt in attempts):
            word = "left out" if row.state is State.SKIPPED else row.state.value
            yield Moment(row.since, f"{row.id}: {word}: {row.reason}" if row.reason else f"{row.id}: {word}")


def _tells(attempt: Attempt, row: Delivery, since: datetime) -> bool:
    """Say whether it is a try that told how a delivery stands."""
    same = attempt.delivery == row.id and attempt.outcome in _TOLD.get(row.state, (row.state.value,))
    return same and abs(attempt.at + timedelta(milliseconds=attempt.took_ms or 0) - since) < AT_ONCE


def _set_out(rows: Sequence[Delivery], channels: Iterable[Channel]) -> Iterator[Moment]:
    waiting = {(row.id, row.generation): row for row in rows if row.state is State.PENDING}
    for channel in channels:
        for member in channel.batch.members if channel.batch else ():
            if channel.batch and member in waiting:
                batch, place = channel.batch, destination_of(channel.id)
                company = f", {len(batch.members) - 1} more with it" if len(batch.members) > 1 else ""
                said = f"{member[0]}: set out for {place}{company}"
                yield Moment(batch.origin_at, said, channel.holder)
                if batch.tries > 1:
                    yield Moment(batch.last_at, f"{said}, try {batch.tries}", channel.holder)
