"""What happened to one fact, moment by moment, as far as it is stored. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from telemetry.core.channel import destination_of, message_link, posted_at
from telemetry.core.delivery import Delivery, State
from telemetry.core.event import Event, Repeats
from telemetry.ops.occurrence import told_by
from telemetry.store.attempts import Attempt
from telemetry.store.channels import Channel


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
) -> list[Moment]:
    """Tell what happened, in the order of time; what is not stored with its time is left out."""
    rows = [row for of_consumer in deliveries.values() for row in of_consumer]
    told = [*(_of_event(event) if event else ()), *_tried(attempts), *_of_rows(rows), *_set_out(rows, channels)]
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
    for line in told_by(event):
        yield Moment(event.received_at, line)
    for name, ack in event.acks.items():
        number = "1 delivery" if ack.deliveries == 1 else f"{ack.deliveries} deliveries"
        yield Moment(ack.at, f"{name} took it over as {number}")


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


def _of_rows(rows: Iterable[Delivery]) -> Iterator[Moment]:
    for row in rows:
        if row.attempt:
            times = f"{row.attempt['tries']} times" if row.attempt["tries"] > 1 else "once"
            yield Moment(row.attempt["last_at"], f"{row.id}: sent, {times} by then, and nobody knows what came of it")
        if row.result and (at := posted_at(row.result)):
            yield Moment(at, f"{row.id}: posted", link=message_link(row.result))


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
