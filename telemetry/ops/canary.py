"""Canaries under way: who may send them for how long, and how far each has come."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

from telemetry.core.canary import type_of
from telemetry.core.delivery import Delivery, State
from telemetry.core.event import Event
from telemetry.store.attempts import Attempts
from telemetry.store.canaries import Canaries
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.registry import Registry

# A ticket is good for a little longer than its canaries are waited for.
SLACK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Errand:
    """The canaries of one call: under which name they go, and where to."""

    name: str
    to: str
    ticket: str = field(repr=False)

    @property
    def consumer(self) -> str:
        """The consumer that carries there."""
        return self.to.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a canary has come; `stage` is where it is, or is stuck."""

    type: str
    stage: str  # ingest, watcher, queue, courier, or arrived
    key: str = ""
    said: str = ""
    seconds: float | None = None

    @property
    def arrived(self) -> bool:
        """Whether it is where it was sent."""
        return self.stage == "arrived"


@asynccontextmanager
async def permitted(connection: Connection, errand: Errand, wait: float) -> AsyncIterator[None]:
    """Let canaries be sent while this lasts."""
    canaries = Canaries(connection)
    await canaries.admit(errand.ticket, errand.to, connection.clock.now() + timedelta(seconds=wait) + SLACK)
    try:
        yield
    finally:
        await canaries.withdraw(errand.ticket)


async def progress(connection: Connection, errand: Errand, types: Collection[str]) -> dict[str, Progress]:
    """Say how far each canary has come, of those that ingest has taken."""
    sent = {type_of(event): event for event in await Canaries(connection).sent(errand.name)}
    return {name: await _progress(connection, errand, sent[name]) for name in types if name in sent}


async def _progress(connection: Connection, errand: Errand, event: Event) -> Progress:
    at = Progress(type_of(event), "watcher", event.key)
    rows = await Deliveries(connection, errand.consumer).of_event(event.key)
    if rows:
        return await _carried(connection, at, rows[0])
    if errand.consumer in event.acks:
        return replace(at, said=f"{errand.consumer} tells nobody of this type, by the watcher's file")
    registered = (await Registry(connection).read()).get(errand.consumer)
    if registered is None:
        return replace(at, said=f"the consumer {errand.consumer} is not registered: no watcher has run it")
    return replace(at, said="the consumer is paused" if registered.paused else "no watcher has taken it over")


async def _carried(connection: Connection, at: Progress, row: Delivery) -> Progress:
    if row.state is State.DELIVERED:
        return replace(at, stage="arrived")
    attempts = await Attempts(connection).of_event(row.event)
    reason = row.reason or (attempts[-1].reason if attempts else "")
    if row.state is State.PENDING and not attempts:
        return replace(at, stage="queue", said=reason or "no courier has taken it up")
    return replace(at, stage="courier", said=f"{row.state}: {reason}" if reason else str(row.state))
