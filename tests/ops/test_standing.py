"""Dead and parked deliveries, and trying them again."""

from datetime import timedelta
from typing import Any

import pytest

from telemetry.core.clock import EPOCH
from telemetry.core.delivery import Signal, State
from telemetry.ops.paces import Pace
from telemetry.ops.standing import Standing, count_meant, heaps, retry, stream_standing
from telemetry.store.channels import Block, Channels
from telemetry.store.deliveries import Deliveries
from telemetry.store.selection import Selection
from tests.ops.deployment import CONSUMER, Deployment

DEAD = Selection((State.DEAD,))


async def listed(deployment: Deployment, selection: Selection, limit: int = 50) -> list[Standing]:
    return [one async for one in stream_standing(deployment.connection, selection, limit)]


async def stuck(deployment: Deployment) -> None:
    rows = await deployment.take_over(await deployment.accept("sign_up:u1", "sign_up:u2"), ["discord:1", "discord:2"])
    for row in rows:
        signal = Signal.GIVE_UP if row.event == "sign_up:u1" else Signal.PARK
        await deployment.queue.settle([(row.id, 0)], signal, reason=f"because of {row.destination}", failures=3)


async def test_the_dead_are_listed_with_their_reasons(deployment: Deployment) -> None:
    await stuck(deployment)

    found = await listed(deployment, Selection((State.DEAD,)))

    assert [(one.consumer, one.delivery.reason) for one in found] == [
        (CONSUMER, "because of discord:1"),
        (CONSUMER, "because of discord:2"),
    ]
    assert len(await listed(deployment, Selection((State.DEAD,)), 1)) == 1
    assert len(await listed(deployment, Selection((State.PARKED,), destination="discord:2"))) == 1


async def test_whatever_is_said_of_the_dead_must_hold(deployment: Deployment) -> None:
    await stuck(deployment)
    (one, _) = await listed(deployment, Selection((State.DEAD,)))
    at, moment = one.delivery.since, timedelta(milliseconds=1)
    assert at is not None

    async def number(**said: Any) -> int:
        """Count the dead of which something is said, which the list must agree with."""
        selection = Selection((State.DEAD,), **said)
        counted = sum((await count_meant(deployment.connection, selection)).values())
        assert counted == len(await listed(deployment, selection))
        return counted

    assert await number(type="sign_up") == 2
    assert await number(type="sign") == 0
    assert await number(consumer=CONSUMER) == 2
    assert await number(consumer="webhook") == 0
    assert await number(reason="OF discord:1") == 1
    assert await number(reason=".*") == 0
    assert await number(since=at) == 2
    assert await number(since=at - moment, until=at) == 0
    assert await number(destination="discord:2", type="sign_up", since=at) == 1


async def test_older_rows_that_say_not_since_when_go_by_when_their_event_came(deployment: Deployment) -> None:
    await stuck(deployment)
    await deployment.connection["discord_queue"].update_many({}, {"$unset": {"since": ""}})
    (one, _) = await listed(deployment, DEAD)
    came = EPOCH + timedelta(microseconds=one.delivery.order)

    assert one.delivery.since is None
    assert len(await listed(deployment, Selection((State.DEAD,), since=came, until=came + timedelta(hours=1)))) == 2
    assert await listed(deployment, Selection((State.DEAD,), until=came)) == []


async def test_the_dead_are_counted_by_reason_the_most_first(deployment: Deployment) -> None:
    await stuck(deployment)
    rows = await deployment.take_over(await deployment.accept("sign_up:u3"), ["discord:2"])
    await deployment.queue.settle([(rows[0].id, 0)], Signal.GIVE_UP, reason="because of discord:2")

    assert [(name, one.destination, one.number) for name, one in await heaps(deployment.connection, DEAD, 9)] == [
        (CONSUMER, "discord:2", 2),
        (CONSUMER, "discord:1", 1),
    ]
    assert len(await heaps(deployment.connection, DEAD, 1)) == 1


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

    ids = [f"sign_up:{user}|discord:1" for user in ("u1", "u2")]
    one, other = await Deliveries(deployment.connection, CONSUMER).fetch(ids)
    assert done == 2
    assert (one.state, one.generation, one.failures, one.reason) == (State.PENDING, 0, 0, None)
    assert other.state is State.PARKED


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


class Killed(BaseException):
    """What a process that is killed never comes to know."""


async def test_a_retry_that_is_killed_half_way_goes_on_when_it_is_said_again(deployment: Deployment) -> None:
    await stuck(deployment)

    async def killed(_seconds: float) -> None:
        raise Killed

    with pytest.raises(Killed):
        await retry(deployment.connection, Selection(), [CONSUMER], Pace(1, sleep=killed))
    assert await count_meant(deployment.connection, Selection()) == {CONSUMER: 3}

    assert await retry(deployment.connection, Selection(), [CONSUMER]) == 3
    rows = [row for key in ("sign_up:u1", "sign_up:u2") for row in await deployment.queue.of_event(key)]
    assert {(State.PENDING, 0)} == {(row.state, row.generation) for row in rows}


async def test_what_dies_again_during_a_retry_is_left_for_the_next_one(deployment: Deployment) -> None:
    await stuck(deployment)
    died: list[str] = []

    async def dies_again(_seconds: float) -> None:
        for row in await deployment.queue.waiting("discord:1", 9):
            died.append(row.id)
            await deployment.queue.settle([(row.id, 0)], Signal.GIVE_UP, reason="again")

    assert await retry(deployment.connection, DEAD, [CONSUMER], Pace(1, sleep=dies_again)) == 2
    assert died == ["sign_up:u1|discord:1"]
    assert await count_meant(deployment.connection, DEAD) == {CONSUMER: 1}


async def test_a_retry_goes_at_its_pace(deployment: Deployment) -> None:
    await stuck(deployment)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    await retry(deployment.connection, Selection(), [CONSUMER], Pace(2, clock=lambda: 0.0, sleep=sleep))

    assert slept == [1.0]
