"""Whom an event was meant for, against whom it reached: who is missing, and why.

What was meant is read from what was pinned, not from the queue, page by page, and each page is compared with the
rows that there are.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from telemetry.core.delivery import Delivery, State
from telemetry.core.event import Event
from telemetry.core.pin import Pin
from telemetry.core.run import Run
from telemetry.store.audiences import Audiences
from telemetry.store.census import Census
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries, queues
from telemetry.store.events import Events
from telemetry.store.recipients import recipients
from telemetry.store.registry import Registry
from telemetry.store.runs import Runs

PAGE = 500
WAITING = frozenset({State.HELD, State.PENDING, State.LEASED})


@dataclass(frozen=True, slots=True)
class Missing:
    """A delivery that was meant to be and did not reach anybody; nothing will change that by itself."""

    delivery: str
    consumer: str
    why: str


@dataclass
class Audit:
    """One event's account; of those that are missing the first ones are named."""

    key: str
    most: int
    expected: int = 0
    delivered: int = 0
    waiting: int = 0
    missing: int = 0
    why: Counter[str] = field(default_factory=Counter)  # by state, or what is there instead
    named: list[Missing] = field(default_factory=list)

    def lack(self, missing: Missing, kind: str, number: int = 1) -> None:
        """Count what is missing."""
        self.missing += number
        self.why[kind] += number
        if len(self.named) < self.most:
            self.named.append(missing)

    def judge(self, consumer: str, row: Delivery) -> None:
        """Count a delivery by where it stands."""
        if row.state is State.DELIVERED:
            self.delivered += 1
        elif row.state in WAITING:
            self.waiting += 1
        else:
            self.lack(Missing(row.id, consumer, f"{row.state}: {row.reason or 'no reason is noted'}"), row.state)


async def audit(connection: Connection, asked: str, most: int) -> Audit | None:
    """Compare what was meant with what came of it; None where nothing is known of the event."""
    key = await Census(connection).present_key(asked)
    event = await Events(connection).get(key)
    if event is None:
        return None
    found = Audit(key, most)
    runs = {run.consumer: run for run in await Runs(connection).of_event(key)}
    stored = [queue.consumer for queue in await queues(connection)]
    registered = await Registry(connection).read()
    for consumer in sorted({*stored, *event.acks, *registered}):
        if consumer in runs:
            await _run(connection, found, event, runs[consumer])
        else:
            await _plain(connection, found, event, consumer, owed=event.due_at is not None and consumer in registered)
    return found


async def _run(connection: Connection, found: Audit, event: Event, run: Run) -> None:
    pin = await Runs(connection).pin(run.id)
    if pin is None:
        return
    refusals = await Runs(connection).refusals(run.id)
    for versions in pin.versions:
        if gone := await Audiences(connection).gone(versions):
            await _gone(connection, found, event, run, refusals, gone)
            return
    queue = Deliveries(connection, run.consumer)
    async for names in _expected(Audiences(connection), pin):
        rows = {row.id: row for row in await queue.fetch(names)}
        found.expected += len(names)
        for name in names:
            if name in rows:
                found.judge(run.consumer, rows[name])
            else:
                _lack_row(found, run, name, refusals)


async def _gone(
    connection: Connection, found: Audit, event: Event, run: Run, refusals: Mapping[str, str], gone: str
) -> None:
    """Compare what was acked, as nobody can say any more who was meant."""
    await _plain(connection, found, event, run.consumer, owed=False)
    found.expected += run.refused
    for name in refusals:
        _lack_row(found, run, name, refusals)
    if more := run.refused - len(refusals):
        found.lack(Missing(run.event, run.consumer, f"refused: {more} more"), "refused", more)
    if run.total is None:
        found.expected += 1
        found.lack(Missing(run.event, run.consumer, f"not offered to all: {gone}"), "not offered yet")


def _lack_row(found: Audit, run: Run, name: str, refusals: Mapping[str, str]) -> None:
    if name in refusals:
        found.lack(Missing(name, run.consumer, f"refused: {refusals[name]}"), "refused")
    elif run.total is None:
        found.lack(Missing(name, run.consumer, "not offered yet"), "not offered yet")
    else:
        found.lack(Missing(name, run.consumer, "not there at all"), "not there at all")


async def _expected(audiences: Audiences, pin: Pin) -> AsyncIterator[Sequence[str]]:
    page = [delivery.id for delivery in pin.plain]
    async for destination, fan_out in recipients(audiences, pin):
        page += pin.names(destination, fan_out)
        if len(page) >= PAGE:
            yield page
            page = []
    if page:
        yield page


async def _plain(connection: Connection, found: Audit, event: Event, consumer: str, *, owed: bool) -> None:
    number = 0
    async for row in Deliveries(connection, consumer).each_of_event(event.key):
        found.judge(consumer, row)
        number += 1
    ack = event.acks.get(consumer)
    # An edited route may have brought it to more places than were acked.
    expected = max(ack.deliveries if ack else 0, number)
    found.expected += expected
    if ack is None and owed and not number:
        found.expected += 1
        if event.is_due(connection.clock.now()):
            found.lack(Missing(event.key, consumer, "not offered yet"), "not offered yet")
        else:
            found.waiting += 1
    if lacking := expected - number:
        told = Missing(event.key, consumer, f"not there at all: {lacking} of {expected} deliveries")
        found.lack(told, "not there at all", lacking)
