"""Whatever happens to the watcher, each fact is shown once."""

import signal

import pytest

from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from tests.e2e.world import World
from tests.until import until


async def test_killed_between_the_offer_and_the_ack_and_drained_meanwhile_there_is_one_post(world: World) -> None:
    """
    The defect this project began with: what was dispatched and not yet noted was dispatched again.
    """
    await world.store(["sign_up:u1"])
    watcher = world.start("watch", "offered")
    await watcher.caught()
    watcher.kill()
    await world.start("bot").ready()
    await world.until_shown(["sign_up:u1"])

    await world.start("watch").ready()
    await world.until_settled(["sign_up:u1"])
    assert ["sign_up:u1"] == world.shown()


@pytest.mark.parametrize("events", [300, pytest.param(5000, marks=pytest.mark.slow)])
async def test_events_that_came_while_no_watcher_ran_are_all_shown_in_order(world: World, events: int) -> None:
    """
    Nothing of them is in any stream that the watcher opens: for it, history is lost.
    """
    keys = [f"sign_up:u{n:04}" for n in range(events)]
    for start in range(0, len(keys), 1000):
        await world.store(keys[start : start + 1000])
    world.start("watch")
    world.start("bot")

    await world.until_settled(keys, seconds=240)
    assert keys == world.shown()


async def test_a_standby_takes_over_when_the_lease_has_run_out(world: World, connection: Connection) -> None:
    first = await world.start("watch").ready()
    await until(lambda: said(first, "duty.taken"))
    second = await world.start("watch").ready()
    first.kill()
    await until(lambda: said(second, "duty.taken"))

    await world.store(["sign_up:u1"])
    await until(lambda: offered(connection, "sign_up:u1"))


async def test_a_watcher_that_was_stopped_past_its_lease_and_wakes_up_does_no_harm(
    world: World, connection: Connection
) -> None:
    stale = world.start("watch")
    await until(lambda: said(stale, "duty.taken"))
    stale.signal(signal.SIGSTOP)
    fresh = world.start("watch")
    await until(lambda: said(fresh, "duty.taken"))
    await world.start("bot").ready()
    await world.store(["sign_up:u1"])
    await world.until_settled(["sign_up:u1"])
    stale.signal(signal.SIGCONT)

    await until(lambda: said(stale, "duty.lost"))
    await world.store(["sign_up:u2"])
    await world.until_settled(["sign_up:u1", "sign_up:u2"])
    assert ["sign_up:u1", "sign_up:u2"] == world.shown()
    assert 1 == len(await Deliveries(connection, "discord").of_event("sign_up:u1"))


async def test_stopping_frees_the_lease_at_once(world: World) -> None:
    first = world.start("watch", TELLONCE_LEASE="600")
    await until(lambda: said(first, "duty.taken"))
    assert 0 == first.stop()

    second = world.start("watch", TELLONCE_LEASE="600")
    await until(lambda: said(second, "duty.taken"))


async def said(daemon: object, event: str) -> bool:
    return bool(daemon.said(event))  # type: ignore[attr-defined]


async def offered(connection: Connection, key: str) -> bool:
    event = await Events(connection).get(key)
    return event is not None and "discord" in event.acks
