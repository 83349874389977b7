"""Dead and parked deliveries, and trying them again."""

from telemetry.core.delivery import Signal, State
from telemetry.ops.standing import count_meant, find_delivery, list_standing, retry
from telemetry.store.channels import Block, Channels
from telemetry.store.selection import Selection
from tests.ops.deployment import CONSUMER, Deployment


async def stuck(deployment: Deployment) -> None:
    rows = await deployment.take_over(await deployment.accept("sign_up:u1", "sign_up:u2"), ["discord:1", "discord:2"])
    for row in rows:
        signal = Signal.GIVE_UP if row.event == "sign_up:u1" else Signal.PARK
        await deployment.queue.settle([(row.id, 0)], signal, reason=f"because of {row.destination}", failures=3)


async def test_the_dead_are_listed_with_their_reasons(deployment: Deployment) -> None:
    await stuck(deployment)

    found = await list_standing(deployment.connection, State.DEAD, 50)

    assert [(one.consumer, one.delivery.reason) for one in found] == [
        (CONSUMER, "because of discord:1"),
        (CONSUMER, "because of discord:2"),
    ]
    assert len(await list_standing(deployment.connection, State.DEAD, 1)) == 1
    assert len(await list_standing(deployment.connection, State.PARKED, 50, "discord:2")) == 1


async def test_what_is_meant_is_counted_before_it_is_touched(deployment: Deployment) -> None:
    await stuck(deployment)

    assert await count_meant(deployment.connection, Selection()) == {CONSUMER: 4}
    assert await count_meant(deployment.connection, Selection((State.DEAD,))) == {CONSUMER: 2}
    assert await count_meant(deployment.connection, Selection(event="sign_up:u2")) == {CONSUMER: 2}
    assert await count_meant(deployment.connection, Selection(destination="discord:1")) == {CONSUMER: 2}
    assert await count_meant(deployment.connection, Selection(delivery="sign_up:u1|discord:1")) == {CONSUMER: 1}
    assert await count_meant(deployment.connection, Selection(event="sign_up:nobody")) == {}


async def test_a_retried_delivery_is_the_same_message_with_its_budget_back(deployment: Deployment) -> None:
    await stuck(deployment)

    done = await retry(deployment.connection, Selection(event="sign_up:u1"), [CONSUMER])

    one = await find_delivery(deployment.connection, "sign_up:u1|discord:1")
    assert done == 2
    assert one is not None
    assert (one.delivery.state, one.delivery.generation, one.delivery.failures) == (State.PENDING, 0, 0)
    assert one.delivery.reason is None
    other = await find_delivery(deployment.connection, "sign_up:u2|discord:1")
    assert other is not None
    assert other.delivery.state is State.PARKED


async def test_what_was_delivered_is_never_retried(deployment: Deployment) -> None:
    await deployment.told("sign_up:u1")

    assert await retry(deployment.connection, Selection(event="sign_up:u1"), [CONSUMER]) == 0


async def test_retrying_lets_a_blocked_channel_be_tried_at_once(deployment: Deployment) -> None:
    await stuck(deployment)
    channels = Channels(deployment.connection)
    await channels.read("1")
    later = deployment.connection.clock.now().replace(year=2100)
    await channels.block("1", Block("Missing Access", later, 3))

    await retry(deployment.connection, Selection((State.PARKED,)), [CONSUMER])

    assert await channels.probeable() == ["1"]
