"""A consumer of audiences, and the audiences it needs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from telemetry.core.delivery import Delivery
from telemetry.core.event import Event
from telemetry.core.fan_out import FanOut
from telemetry.core.pin import run_id
from telemetry.core.run import Run
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.registry import Registry
from telemetry.store.runs import Runs
from telemetry.watcher.offering import Handed, Offering
from tests.audiences import an_audience
from tests.facts import an_event

KEY = "sign_up:u1"
NAME = "recorder"
RUN = run_id(KEY, NAME)


@dataclass
class Caller:
    """A consumer that tells audiences, and what is planned beside them."""

    audiences: Sequence[str] = ("all",)
    texts: Sequence[str] = ("hello",)
    beside: Sequence[str] = ()
    account: str = "one"
    more: Sequence[FanOut] = ()
    fields: dict[str, Any] = field(default_factory=dict)
    shut: frozenset[str] = frozenset()
    name: str = NAME

    def plan(self, event: Event) -> list[Delivery | FanOut]:
        """Plan one fan-out, unless there is no audience to tell."""
        plain: list[Delivery | FanOut] = [Delivery.of(event, one, {"text": "apart"}) for one in self.beside]
        if not self.audiences:
            return plain
        bodies = [{"text": text} for text in self.texts]
        return [*plain, FanOut(self.audiences, ("recorder",), bodies, self.account, self.fields), *self.more]

    async def closed(self, _: Connection, destinations: Collection[str]) -> frozenset[str]:
        """Say to whom nothing can be told."""
        return self.shut.intersection(destinations)


def members(number: int) -> list[str]:
    """Name some members."""
    return [f"recorder:{place:05d}" for place in range(number)]


async def owe(connection: Connection, key: str = KEY, order: int | None = None) -> Event:
    """Store an event that the consumer is owed."""
    await Registry(connection).register(NAME)
    event = an_event(key)
    event = event if order is None else replace(event, order=order)
    await Events(connection).insert([event])
    return event


def an_offering(connection: Connection, event: Event, caller: Caller) -> Offering:
    """Begin with an event as a watcher that has just planned it does."""
    handed = Handed(event, caller.name, caller.plan(event))
    return Offering(connection, run_id(event.key, caller.name), handed)


async def offer(connection: Connection, event: Event, caller: Caller) -> Run:
    """Offer an event to its end."""
    offering = an_offering(connection, event, caller)
    while not await offering.step():
        pass
    run = await Runs(connection).read(offering.run)
    assert run is not None
    return run


async def a_run(connection: Connection, caller: Caller, number: int, key: str = KEY, order: int | None = None) -> Run:
    """Offer an event to so many members."""
    for name in caller.audiences:
        await an_audience(connection, name, members(number))
    return await offer(connection, await owe(connection, key, order), caller)


async def queue_of(connection: Connection, key: str = KEY) -> list[Delivery]:
    """Read the deliveries of an event."""
    return sorted(await Deliveries(connection, NAME).of_event(key), key=lambda row: row.id)
