"""A paused consumer is offered nothing, its events stay owed, and nobody else waits for it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import anyio
import pytest
from prometheus_client import CollectorRegistry

from telemetry.core.delivery import State
from telemetry.core.errors import UnavailableError
from telemetry.core.pause import Pause
from telemetry.core.run import Limits
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.pauses import Pauses
from telemetry.store.registry import Registry
from telemetry.store.runs import Runs
from telemetry.watcher.dispatch import Dispatcher
from telemetry.watcher.fan_out import FanOuts
from telemetry.watcher.metrics import WatchMetrics
from telemetry.watcher.offering import Handed
from telemetry.watcher.party import Party
from tests.audiences import an_audience
from tests.facts import Recorder, an_event
from tests.until import until
from tests.watcher.conftest import Watching
from tests.watcher.fan_outs import KEY, NAME, RUN, Caller, a_run, an_offering, members, owe, queue_of
from tests.watcher.test_conductor import Stage


def a_pause(connection: Connection, seconds: float | None = None) -> Pause:
    now = connection.clock.now()
    return Pause("ada", now, "maintenance", None if seconds is None else now + timedelta(seconds=seconds))


async def acks(connection: Connection, key: str) -> Mapping[str, object]:
    event = await Events(connection).get(key)
    assert event is not None
    return event.acks


async def test_its_events_stay_owed_and_others_are_told(connection: Connection, watching: Watching) -> None:
    registry = Registry(connection)
    await registry.register("recorder")
    await registry.pause("recorder", a_pause(connection))
    async with watching(Recorder(), Recorder("other"), sweep_every=0.3):
        await Events(connection).insert([an_event()])
        await until(lambda: has_acked(connection, "other"))
        assert {"other"} == {*await acks(connection, KEY)}
        assert [] == await Deliveries(connection, "recorder").of_event(KEY)

        await registry.resume("recorder")
        await until(lambda: has_acked(connection, "recorder"))
    assert 1 == len(await Deliveries(connection, "recorder").of_event(KEY))


async def test_it_is_offered_what_it_is_owed_when_the_pause_ends_by_itself(
    connection: Connection, watching: Watching
) -> None:
    await Registry(connection).register("recorder")
    pause = a_pause(connection, 1.5)
    await Registry(connection).pause("recorder", pause)
    await Events(connection).insert([an_event()])
    async with watching(Recorder(), sweep_every=0.3):
        await until(lambda: has_acked(connection, "recorder"))
    event = await Events(connection).get(KEY)
    assert event is not None
    assert pause.until is not None
    assert event.acks["recorder"].at >= pause.until - timedelta(milliseconds=50)


async def test_a_fan_out_of_it_stops_and_is_taken_up_when_it_goes_on(
    connection: Connection, watching: Watching
) -> None:
    caller, registry = Caller(), Registry(connection)
    await an_audience(connection, "all", members(5))
    event = await owe(connection)
    await registry.pause(NAME, a_pause(connection))
    fan_outs = FanOuts(connection, WatchMetrics(CollectorRegistry()), lambda: None)
    await fan_outs.resume()
    fan_outs.take(Handed(event, NAME, caller.plan(event)))
    async with anyio.create_task_group() as group:
        group.start_soon(fan_outs.run)
        await until(lambda: let_go(fan_outs))
        group.cancel_scope.cancel()
    assert [] == await queue_of(connection)

    await registry.resume(NAME)
    async with watching(caller, sweep_every=0.3):
        await until(lambda: has_acked(connection, NAME))
    assert 5 == len(await queue_of(connection))


async def test_nothing_is_let_out_of_its_runs_and_other_destinations_go_on(connection: Connection) -> None:
    caller = Caller()
    await a_run(connection, caller, 4)
    stage = Stage(connection, caller, Limits(destinations=2, rate=6_000_000))
    await Registry(connection).pause(NAME, a_pause(connection))
    await stage.round()
    assert [] == await stage.out()

    await Registry(connection).resume(NAME)
    await Pauses(connection).pause(members(1)[0], a_pause(connection))
    stage = Stage(connection, caller, Limits(destinations=2, rate=6_000_000))
    for _ in range(3):
        await stage.round()
    # It is let out and waits in its queue, without a place.
    assert members(3) == [row.destination for row in await stage.out()]
    assert {State.PENDING, State.HELD} == {row.state for row in await queue_of(connection)}


async def has_acked(connection: Connection, consumer: str, key: str = KEY) -> bool:
    """The consumer has the event."""
    return consumer in await acks(connection, key)


async def let_go(fan_outs: FanOuts) -> bool:
    """It is not at it any more."""
    return not fan_outs.holds(KEY, NAME)


async def test_what_a_sweep_had_read_when_the_pause_came_is_offered_after_it(
    connection: Connection, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, begin_sweep, paused = Registry(connection), Dispatcher.begin_sweep, list[bool]()
    await registry.register("recorder")
    await Events(connection).insert([an_event()])

    async def and_then_it_is_paused(self: Dispatcher) -> list[Party]:
        found = await begin_sweep(self)
        if found and not paused:
            paused.append(await registry.pause("recorder", a_pause(connection)))
        return found

    monkeypatch.setattr(Dispatcher, "begin_sweep", and_then_it_is_paused)
    async with watching(Recorder(), sweep_every=0.3):
        await until(lambda: has_been(paused))
        assert {} == await acks(connection, KEY)
        await registry.resume("recorder")
        await until(lambda: has_acked(connection, "recorder"), 8)


async def test_one_that_was_failing_when_it_was_paused_is_not_asked_after_all_the_time(
    connection: Connection, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, begin_sweep, sweeps = Registry(connection), Dispatcher.begin_sweep, list[int]()

    async def counted(self: Dispatcher) -> list[Party]:
        sweeps.append(1)
        return await begin_sweep(self)

    monkeypatch.setattr(Dispatcher, "begin_sweep", counted)
    async with watching(Recorder(), Recorder("other"), sweep_every=600) as dispatcher:
        await until(lambda: has_been(sweeps))
        dispatcher.parties[0].failures = 3
        await registry.pause("recorder", a_pause(connection))
        for n in range(20):
            await Events(connection).insert([an_event(f"sign_up:u{n}")])
            await until(lambda n=n: has_acked(connection, "other", f"sign_up:u{n}"))  # type: ignore[misc]
    assert 3 > len(sweeps)


async def has_been(paused: list[Any]) -> bool:
    """It was paused."""
    return bool(paused)


async def test_what_was_begun_before_a_pause_and_a_restart_goes_on_as_it_was_decided(
    connection: Connection, watching: Watching
) -> None:
    """
    Whatever the file says by then: nobody is told by both.
    """
    registry = Registry(connection)
    await an_audience(connection, "all", members(5))
    begun = an_offering(connection, await owe(connection), Caller())
    assert not await begun.step()
    await registry.pause(NAME, a_pause(connection))

    async with watching(Caller(audiences=(), beside=("recorder:new",)), sweep_every=0.3):
        await registry.resume(NAME)
        await until(lambda: has_acked(connection, NAME))
    assert members(5) == [row.destination for row in await queue_of(connection)]


async def test_one_that_was_acked_just_before_a_pause_and_a_restart_comes_to_its_end(
    connection: Connection, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object) -> None:
        raise UnavailableError("killed")

    registry = Registry(connection)
    with monkeypatch.context() as patched:
        patched.setattr(Runs, "complete", killed)
        with pytest.raises(UnavailableError):
            await a_run(connection, Caller(), 3)
    assert await has_acked(connection, NAME)
    await registry.pause(NAME, a_pause(connection))

    async def complete() -> bool:
        """All of it is offered."""
        run = await Runs(connection).read(RUN)
        return run is not None and run.total == 3

    async with watching(Caller(), Recorder("other"), sweep_every=0.3):
        await Events(connection).insert([an_event("sign_up:then")])
        await until(lambda: has_acked(connection, "other", "sign_up:then"))
        await registry.resume(NAME)
        await until(complete)
