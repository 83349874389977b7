"""What a watcher makes of a canary: one delivery at the test destination, and no fact for anybody."""

from dataclasses import replace
from datetime import timedelta

from prometheus_client import CollectorRegistry

from telemetry.core.canary import CANARY, as_canary
from telemetry.core.delivery import Signal
from telemetry.core.event import Event
from telemetry.ops.verify import verify
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.watcher.memory import Memory
from telemetry.watcher.metrics import WatchMetrics
from tests.facts import Recorder, a_delivery, an_event
from tests.until import until
from tests.watcher.conftest import Watching
from tests.watcher.fan_outs import Caller

TEST = "recorder:test"


def a_canary(subject: str = "canary-1") -> Event:
    return as_canary(an_event(f"sign_up:{subject}"), TEST)


async def until_settled(connection: Connection, key: str) -> Event:
    async def settled() -> bool:
        event = await Events(connection).get(key)
        return event is not None and event.due_at is None

    await until(settled)
    event = await Events(connection).get(key)
    assert event is not None
    return event


async def test_it_is_told_once_at_the_test_destination_and_to_no_other_consumer(
    connection: Connection, watching: Watching
) -> None:
    canary, another = a_canary(), Recorder("handler")
    async with watching(Recorder(), another):
        await Events(connection).insert([canary])
        settled = await until_settled(connection, canary.key)
    (row,) = await Deliveries(connection, "recorder").of_event(canary.key)
    assert TEST == row.destination
    assert {"recorder": 1, "handler": 0} == {name: ack.deliveries for name, ack in settled.acks.items()}
    assert [] == another.planned
    assert (await verify(connection)).holds


async def test_no_audience_is_told_and_no_run_begun(connection: Connection, watching: Watching) -> None:
    canary = a_canary()
    async with watching(Caller(beside=("recorder:real",))):
        await Events(connection).insert([canary])
        await until_settled(connection, canary.key)
    assert [TEST] == [row.destination for row in await Deliveries(connection, "recorder").of_event(canary.key)]
    assert 0 == await connection["runs"].count_documents({})


async def test_it_is_forgotten_after_a_day_wherever_it_is_stuck(connection: Connection) -> None:
    memory = Memory(connection, connection.clock, {}, WatchMetrics(CollectorRegistry()), 3600)
    queue = Deliveries(connection, "recorder")
    canaries = [a_canary(f"canary-{number}") for number in range(3)]
    await Events(connection).insert([*canaries, an_event("sign_up:u1")])
    rows = [a_delivery(canary, TEST) for canary in canaries]
    await queue.offer(rows)
    await Events(connection).ack({canary.key: {"recorder": 1} for canary in canaries}, ["recorder"])
    await queue.settle([(rows[0].id, 0)], Signal.DONE)
    await queue.settle([(rows[1].id, 0)], Signal.PARK, reason="no permission")

    assert 3 == await memory.forget(CANARY, timedelta(days=1))
    assert [] == [row for canary in canaries for row in await queue.of_event(canary.key)]
    assert await Events(connection).get("sign_up:u1")


async def test_todays_canary_stays_where_it_is(connection: Connection) -> None:
    now = connection.clock.now()
    canary = replace(a_canary(), received_at=now)
    await Events(connection).insert([canary])
    await Events(connection).ack({canary.key: {"recorder": 0}}, ["recorder"])
    memory = Memory(connection, connection.clock, {}, WatchMetrics(CollectorRegistry()), 3600)
    assert 0 == await memory.forget(CANARY, timedelta(days=1))
