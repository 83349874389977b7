from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import anyio

from telemetry.core.clock import Clock
from telemetry.core.delivery import Delivery
from telemetry.core.errors import TellonceError, UnavailableError
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.registry import Registry
from telemetry.watcher.party import Party
from tests.facts import Recorder, an_event
from tests.until import until
from tests.watcher.conftest import Watching, make_watcher


class Behind:
    """A clock that is a second slow."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now() - timedelta(seconds=1)

    def monotonic(self) -> float:
        return self._clock.monotonic()


async def settled(connection: Connection, *keys: str) -> bool:
    events = await Events(connection).fetch(keys)
    return len(events) == len(keys) and all(event.due_at is None for event in events)


async def test_an_event_that_comes_while_watching_is_offered_and_acked(
    connection: Connection, watching: Watching
) -> None:
    async with watching(Recorder(), sweep_every=600):
        await Events(connection).insert([an_event()])
        await until(lambda: settled(connection, "sign_up:u1"))

    (row,) = await Deliveries(connection, "recorder").of_event("sign_up:u1")
    assert row.destination == "recorder:1"


async def test_what_came_while_no_watcher_ran_is_found_by_the_sweep(connection: Connection, watching: Watching) -> None:
    keys = [f"sign_up:u{n}" for n in range(350)]
    await Events(connection).insert([an_event(key) for key in keys])
    async with watching(Recorder()):
        await until(lambda: settled(connection, *keys))


async def test_an_event_is_offered_at_once_by_a_watcher_whose_clock_is_behind(
    connection: Connection, watching: Watching
) -> None:
    """
    Two hosts measure the database's time, each with an error: what has arrived is due, whatever the clock says.
    """
    await Events(connection).insert([an_event("sign_up:before", due_at=connection.clock.now())])
    async with watching(Recorder(), clock=Behind(connection.clock), sweep_every=600):
        await until(lambda: settled(connection, "sign_up:before"))
        await Events(connection).insert([an_event("sign_up:after", due_at=connection.clock.now())])
        await until(lambda: settled(connection, "sign_up:after"))


async def test_an_event_that_is_due_later_than_it_came_waits(connection: Connection, watching: Watching) -> None:
    now = connection.clock.now()
    later = replace(an_event("sign_up:later", due_at=now + timedelta(seconds=2)), received_at=now)
    recorder = Recorder()
    await Events(connection).insert([later])
    async with watching(recorder, sweep_every=600):
        await Events(connection).insert([an_event("sign_up:now", due_at=now)])
        await until(lambda: settled(connection, "sign_up:now"))
    assert recorder.planned == ["sign_up:now"]


async def test_an_offer_that_was_made_before_a_crash_is_repeated_without_effect(
    connection: Connection, watching: Watching
) -> None:
    recorder, event = Recorder(), an_event()
    await Events(connection).insert([event])
    await Deliveries(connection, "recorder").offer(recorder.plan(event))

    async with watching(recorder) as dispatcher:
        await until(lambda: settled(connection, event.key))
    assert 1 == dispatcher._metrics.offered_again._value.get()
    assert len(await Deliveries(connection, "recorder").of_event(event.key)) == 1


async def test_only_the_consumer_that_has_not_acked_is_offered_an_event(
    connection: Connection, watching: Watching
) -> None:
    """
    A sweep after a crash asks who has had it already, per consumer.
    """
    one, other = Recorder("one"), Recorder("other")
    for name in ("one", "other"):
        await Registry(connection).register(name)
    await Events(connection).insert([an_event()])
    await Events(connection).ack({"sign_up:u1": {"one": 1}}, ["one", "other"])

    async with watching(one, other):
        await until(lambda: settled(connection, "sign_up:u1"))
    assert (one.planned, other.planned) == ([], ["sign_up:u1"])


async def test_one_bad_event_holds_up_nothing_else(connection: Connection, watching: Watching) -> None:
    recorder = Recorder(broken_on=frozenset({"sign_up:bad"}))
    await Events(connection).insert([an_event("sign_up:bad"), an_event("sign_up:good")])

    async with watching(recorder):
        await until(lambda: settled(connection, "sign_up:good"))
    assert await Events(connection).count_owed("recorder") == 1


async def test_a_failing_consumer_backs_off_alone_and_is_served_when_it_recovers(
    connection: Connection, watching: Watching
) -> None:
    well, failing = Recorder("well"), Recorder("failing")
    async with watching(well, failing) as dispatcher:
        queue = Failing(connection, "failing")
        dispatcher.parties[1].queue = queue
        await Events(connection).insert([an_event("sign_up:u1")])
        await until(lambda: acked(connection, "sign_up:u1", "well"))
        assert dispatcher.resting()
        await Events(connection).insert([an_event("sign_up:u2")])
        await until(lambda: acked(connection, "sign_up:u2", "well"))

        queue.well = True
        await until(lambda: settled(connection, "sign_up:u1", "sign_up:u2"))


async def test_what_a_consumer_missed_while_it_failed_is_offered_before_what_came_later(
    connection: Connection, watching: Watching
) -> None:
    """
    A hint of something new must not overtake what only the next sweep finds.
    """
    failing = Recorder("failing")
    async with watching(failing) as dispatcher:
        queue = Failing(connection, "failing")
        (party,) = dispatcher.parties
        party.queue = queue
        await Events(connection).insert([an_event("sign_up:u1")])
        await until(lambda: true(party.failures > 0))
        queue.well, party.rests_until = True, 0.0
        await Events(connection).insert([an_event("sign_up:u2")])
        await until(lambda: settled(connection, "sign_up:u1", "sign_up:u2"))
    assert ["sign_up:u1", "sign_up:u2"] == queue.took


async def test_what_a_sweep_could_not_offer_is_not_overtaken_by_its_next_page(
    connection: Connection, watching: Watching
) -> None:
    """
    The consumer may be well again by then: it waits for the next sweep all the same.
    """
    keys = [f"sign_up:u{n:03}" for n in range(150)]
    await Events(connection).insert([an_event(key) for key in keys])
    consumer, other = Recorder("recorder"), Recorder("other")
    for name in ("recorder", "other"):
        await Registry(connection).register(name)
    queue = Failing(connection, "recorder")
    party = Party(consumer, queue)

    class AfterIt(Deliveries):
        """A queue that is offered the same after the failing one: the other is well by then."""

        async def offer(self, deliveries: Sequence[Delivery]) -> list[str]:
            """Take offers."""
            queue.well, party.rests_until = True, 0.0
            return await super().offer(deliveries)

    watcher, _ = make_watcher(connection, [party, Party(other, AfterIt(connection, "other"))])
    async with anyio.create_task_group() as group:
        group.start_soon(watcher.run)
        await until(lambda: settled(connection, *keys))
        group.cancel_scope.cancel()
    assert keys == queue.took


async def true(fact: bool) -> bool:
    """Say a fact of this process."""
    return fact


async def test_a_delivery_that_is_refused_for_good_holds_up_only_its_event(
    connection: Connection, watching: Watching
) -> None:
    async with watching(Recorder()) as dispatcher:
        dispatcher.parties[0].queue = Refusing(connection, "recorder")
        await Events(connection).insert([an_event("sign_up:bad"), an_event("sign_up:good")])
        await until(lambda: settled(connection, "sign_up:good"))
    assert await Events(connection).count_owed("recorder") == 1


async def test_an_old_watcher_cannot_settle_away_what_a_new_consumer_is_owed(
    connection: Connection, watching: Watching
) -> None:
    """
    During a deploy the old process does not know the new consumer; the registry does.
    """
    old, new = Recorder("old"), Recorder("new")
    await Registry(connection).register("new")
    async with watching(old):
        await Events(connection).insert([an_event()])
        await until(lambda: acked(connection, "sign_up:u1", "old"))
        assert not await settled(connection, "sign_up:u1")

        async with watching(old, new):
            await until(lambda: settled(connection, "sign_up:u1"))
    assert new.planned == ["sign_up:u1"]


async def acked(connection: Connection, key: str, consumer: str) -> bool:
    event = await Events(connection).get(key)
    return event is not None and consumer in event.acks


class Failing(Deliveries):
    """A queue that cannot be written until it is well."""

    well = False

    def __init__(self, connection: Connection, consumer: str) -> None:
        super().__init__(connection, consumer)
        self.took: list[str] = []  # keys of events, in the order in which they were offered

    async def offer(self, deliveries: Sequence[Delivery]) -> list[str]:
        """Take offers once well."""
        if not self.well:
            raise UnavailableError("this queue is away")
        self.took += [delivery.event for delivery in deliveries]
        return await super().offer(deliveries)


class Refusing(Deliveries):
    """A queue that refuses what belongs to one event."""

    async def offer(self, deliveries: Sequence[Delivery]) -> list[str]:
        """Take all but the bad."""
        if any(delivery.event == "sign_up:bad" for delivery in deliveries):
            raise TellonceError("too large for a document")
        return await super().offer(deliveries)
