"""A handler that its module lacks for a while, and a route that the file lacks, lose nothing that was owed them."""

from telemetry.core.delivery import State
from telemetry.core.event import Event
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from tests.facts import Recorder, an_event
from tests.until import until
from tests.watcher.conftest import Watching
from tests.watcher.fan_outs import Caller

KEY = "sign_up:u1"


async def until_acked(connection: Connection, consumer: str, key: str = KEY) -> Event:
    async def acked() -> bool:
        event = await Events(connection).get(key)
        return event is not None and consumer in event.acks

    await until(acked)
    event = await Events(connection).get(key)
    assert event is not None
    return event


async def test_a_handler_that_is_gone_and_put_back_is_told_what_came_meanwhile(
    connection: Connection, watching: Watching
) -> None:
    handler, other = Recorder("find_winners"), Recorder()
    async with watching(handler, other):
        pass
    async with watching(other):
        await Events(connection).insert([an_event(KEY)])
        event = await until_acked(connection, other.name)
        assert event.due_at is not None, "it is still owed to the one that is gone"
    async with watching(handler, other):
        assert (await until_acked(connection, handler.name)).due_at is None
    assert [KEY] == handler.planned
    assert [KEY] == other.planned


async def test_a_route_that_is_gone_leaves_in_the_queue_what_is_there_and_gets_what_comes_after_it_is_back(
    connection: Connection, watching: Watching
) -> None:
    routed, unrouted = Caller(audiences=(), beside=["recorder:1"]), Caller(audiences=())
    keys = [f"sign_up:u{number}" for number in range(3)]
    for consumer, key in zip((routed, unrouted, routed), keys, strict=True):
        async with watching(consumer):
            await Events(connection).insert([an_event(key)])
            await until_acked(connection, consumer.name, key)
    queue = Deliveries(connection, routed.name)
    waiting = {key: [row.state for row in await queue.of_event(key)] for key in keys}
    assert {keys[0]: [State.PENDING], keys[1]: [], keys[2]: [State.PENDING]} == waiting
