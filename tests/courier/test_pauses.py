"""What is paused is not carried, and goes on by itself or by an operator's word."""

from datetime import timedelta

from telemetry.core.carrier import Errand
from telemetry.core.delivery import State
from telemetry.core.outcome import Delivered, Outcome
from telemetry.core.pause import Pause
from telemetry.store.pauses import Pauses
from telemetry.store.registry import Registry
from tests.courier.conftest import CONSUMER, HOUSE, Office

OTHER = "parcel:flat"


def a_pause(office: Office, seconds: float | None = None) -> Pause:
    now = office.connection.clock.now()
    return Pause("ada", now, "maintenance", None if seconds is None else now + timedelta(seconds=seconds))


async def test_a_paused_destination_keeps_what_waits_and_the_others_go_on(office: Office) -> None:
    pauses = Pauses(office.connection)
    await pauses.pause(HOUSE, a_pause(office))
    await office.offer("sign_up:u1")
    await office.offer("sign_up:u2", to=OTHER)
    async with office.courier():
        await office.until_all(State.DELIVERED, "sign_up:u2")
        row = await office.row("sign_up:u1")
        assert (State.PENDING, 0, 0) == (row.state, row.claims, row.failures)
        await pauses.resume(HOUSE)
        await office.until_all(State.DELIVERED, "sign_up:u1")
    assert ["sign_up:u2", "sign_up:u1"] == office.postman.carried


async def test_nothing_of_a_paused_consumer_is_carried(office: Office) -> None:
    registry = Registry(office.connection)
    await registry.register(CONSUMER)
    await registry.pause(CONSUMER, a_pause(office))
    (row,) = await office.offer("sign_up:u1")
    async with office.courier() as desk:
        assert None is not await desk.halts.of(HOUSE)
        await office.offer("sign_up:u2")
        await registry.resume(CONSUMER)
        await office.until_all(State.DELIVERED, "sign_up:u1", "sign_up:u2")
    assert 1 == (await office.row(row.event)).claims


async def test_a_pause_ends_by_itself(office: Office) -> None:
    pause = a_pause(office, 1.5)
    await Pauses(office.connection).pause(HOUSE, pause)
    await office.offer("sign_up:u1")
    async with office.courier(courier_poll=600.0):
        await office.until_all(State.DELIVERED, "sign_up:u1")
    assert pause.until is not None
    row = await office.row("sign_up:u1")
    assert row.since is not None
    assert row.since >= pause.until - timedelta(milliseconds=50)


async def test_what_is_on_its_way_arrives_and_nothing_follows_it(office: Office) -> None:
    pauses = Pauses(office.connection)

    async def is_paused_meanwhile(_: Errand) -> Outcome:
        await pauses.pause(HOUSE, a_pause(office))
        desk.halts.changed()
        await office.offer("sign_up:u2")
        return Delivered()

    desk = office.desk()
    office.postman.does = is_paused_meanwhile
    await office.offer("sign_up:u1")
    async with office.courier(desk):
        await office.until_all(State.DELIVERED, "sign_up:u1")
        office.postman.does = lambda _: Delivered()
        # Somewhere else it goes on; by then this one would have been carried, too.
        await office.offer("sign_up:u3", to=OTHER)
        await office.until_all(State.DELIVERED, "sign_up:u3")
        assert State.PENDING is (await office.row("sign_up:u2")).state
    assert ["sign_up:u1", "sign_up:u3"] == office.postman.carried
