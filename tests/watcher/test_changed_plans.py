"""A consumer whose plans rest on what changes while the watcher runs."""

from telemetry.core.delivery import Delivery
from telemetry.core.event import Event
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from tests.facts import Recorder, a_delivery, an_event
from tests.until import until
from tests.watcher.conftest import Watching

KEY = "sign_up:u1"


class Wanderer:
    """Wants events at places that change while the watcher runs."""

    name = "recorder"

    def __init__(self, *places: str) -> None:
        self.places = places
        self.next: tuple[str, ...] = places

    async def refresh(self, _: Connection) -> None:
        self.places = self.next

    def plan(self, event: Event) -> list[Delivery]:
        return [a_delivery(event, place) for place in self.places]


async def settled(connection: Connection, key: str = KEY) -> bool:
    """The event is settled."""
    event = await Events(connection).get(key)
    return event is not None and event.due_at is None


async def test_a_consumer_learns_what_it_plans_by_before_it_plans(connection: Connection, watching: Watching) -> None:
    wanderer = Wanderer("recorder:old")
    async with watching(wanderer):
        wanderer.next = ("recorder:new", "recorder:newer")
        await Events(connection).insert([an_event(KEY)])
        await until(lambda: settled(connection))
    found = await Deliveries(connection, "recorder").of_event(KEY)
    assert ["recorder:new", "recorder:newer"] == [delivery.destination for delivery in found]


class Lost(Wanderer):
    """Cannot learn what it plans by."""

    async def refresh(self, _: Connection) -> None:
        raise ValueError("nonsense in a row")


async def test_one_that_cannot_learn_what_it_plans_by_holds_up_no_other(
    connection: Connection, watching: Watching
) -> None:
    other = Recorder("other")
    async with watching(Lost("recorder:1"), other):
        await Events(connection).insert([an_event(KEY)])

        async def planned() -> bool:
            """The other one has it."""
            return KEY in other.planned

        await until(planned)
        event = await Events(connection).get(KEY)
    assert event is not None
    assert event.due_at is not None
