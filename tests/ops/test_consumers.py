"""Writing a consumer off."""

from telemetry.ops.consumers import owed_to, write_off
from tests.ops.deployment import Deployment


async def test_a_written_off_consumer_is_owed_nothing_and_the_others_events_settle(deployment: Deployment) -> None:
    await deployment.registry.register("recorder")
    events = await deployment.accept("sign_up:u1", "sign_up:u2")
    await deployment.take_over(events)
    await deployment.accept("sign_up:u3")

    done = await write_off(deployment.connection, "recorder")

    assert (done.owed, done.settled) == (3, 2)
    assert [event.due_at is None for event in await deployment.events.fetch(["sign_up:u1", "sign_up:u3"])] == [
        True,
        False,
    ]
    assert await owed_to(deployment.connection, "recorder") is None


async def test_writing_off_the_last_consumer_settles_nothing(deployment: Deployment) -> None:
    await deployment.accept("sign_up:u1")

    done = await write_off(deployment.connection, "discord")

    assert (done.owed, done.settled) == (1, 0)
