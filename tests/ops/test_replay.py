"""Telling once more: counted, written down, resumed, and each delivery once an operation."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from telemetry.core.delivery import Signal, State
from telemetry.core.errors import TellonceError
from telemetry.ops.paces import Pace
from telemetry.ops.replay import begin, drop, replay, resumed, sample, survey
from telemetry.ops.verify import verify
from telemetry.store.operations import Operation, Operations, Progress
from telemetry.store.replays import Replays
from telemetry.store.selection import Selection
from tests.ops.deployment import CONSUMER, Deployment

TOLD = Selection((State.DELIVERED,))
KEYS = ("sign_up:u1", "sign_up:u2", "sign_up:u3")


class Killed(BaseException):
    """What a process that is killed never comes to know."""


async def killed(*_: Any, **__: Any) -> None:
    raise Killed


async def begun(deployment: Deployment, selection: Selection = TOLD, **how: Any) -> Operation:
    return await begin(deployment.connection, selection, "ada", "the channel was wiped", **how)


async def generations(deployment: Deployment) -> list[int]:
    return [row.generation for key in KEYS for row in await deployment.queue.of_event(key)]


async def deliver(deployment: Deployment) -> None:
    """Carry what waits."""
    await deployment.tell(await deployment.queue.waiting("discord:1", 99))


async def test_what_would_be_told_once_more_is_counted_and_what_would_not(deployment: Deployment) -> None:
    await deployment.told("sign_up:u1", "sign_up:u2")
    dead, waiting = await deployment.take_over(await deployment.accept("sign_up:u3", "sign_up:u4"))
    await deployment.queue.settle([(dead.id, 0)], Signal.GIVE_UP, reason="refused")

    found = await survey(deployment.connection, TOLD)

    assert found.total == 2
    assert found.again == {CONSUMER: {State.DELIVERED: 2}}
    assert found.others == {CONSUMER: {State.DEAD: 1, State.PENDING: 1}}
    others = await sample(deployment.connection, TOLD, found.others, 9)
    assert {dead.id, waiting.id} == {row.id for _, row in others}
    there = replace(TOLD, destination="discord:1")
    await deployment.queue.offer([replace(waiting, id="sign_up:u4|discord:1|1", state=State.HELD, run="r")])
    held = (await survey(deployment.connection, there)).others
    assert 3 == len(await sample(deployment.connection, there, held, 9))
    assert (await survey(deployment.connection, Selection((State.DELIVERED,), event="sign_up:u4"))).total == 0


async def test_a_replay_is_the_next_generation_of_each_delivery_and_is_written_down(deployment: Deployment) -> None:
    await deployment.told(*KEYS)

    done = await replay(deployment.connection, await begun(deployment), Pace())

    assert (3, 0, Progress.FINISHED) == (done.done, done.missed, done.state)
    assert [1, 1, 1] == await generations(deployment)
    assert (await verify(deployment.connection)).holds
    (row,) = await deployment.queue.of_event("sign_up:u1")
    assert (State.PENDING, None, None) == (row.state, row.result, row.since)
    assert row.replay is not None
    assert (done.id, {"message_id": "1"}) == (row.replay["operation"], row.replay["result"])
    (noted,) = await Operations(deployment.connection).latest(9)
    assert ("ada", "the channel was wiped", 3) == (noted.by, noted.reason, noted.done)

    await deliver(deployment)
    assert (await verify(deployment.connection)).holds


@pytest.mark.parametrize("step", ["note", "tell_again"])
async def test_a_replay_that_is_killed_and_resumed_raises_nothing_twice(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    await deployment.told(*KEYS)
    operation = await begun(deployment)
    with monkeypatch.context() as seam:
        if step == "note":
            # The page is raised, and not noted.
            seam.setattr(Operations, "note", killed)
        else:
            calls, tell_again = list[str](), Replays.tell_again

            async def once(self: Replays, row: Any, *how: Any) -> bool:
                if calls:
                    raise Killed
                calls.append(row.id)
                return await tell_again(self, row, *how)

            seam.setattr(Replays, "tell_again", once)
        with pytest.raises(Killed):
            await replay(deployment.connection, operation, Pace(1000))
    # What it had raised was told meanwhile.
    await deliver(deployment)

    done = await replay(deployment.connection, await resumed(deployment.connection, operation.id), Pace(1000))

    assert (3, Progress.FINISHED) == (done.done, done.state)
    (noted,) = await Operations(deployment.connection).latest(9)
    assert (3, Progress.FINISHED) == (noted.done, noted.state)
    assert [1, 1, 1] == await generations(deployment)
    await deliver(deployment)
    assert (await verify(deployment.connection)).holds


async def test_a_replay_of_the_same_that_is_not_finished_is_to_be_resumed(deployment: Deployment) -> None:
    await deployment.told(*KEYS)
    operation = await begun(deployment)

    with pytest.raises(TellonceError, match=f"--resume {operation.id}"):
        await begun(deployment)
    await drop(deployment.connection, operation.id)
    await begun(deployment)

    with pytest.raises(TellonceError, match="it is dropped already"):
        await resumed(deployment.connection, operation.id)
    with pytest.raises(TellonceError, match="no such operation"):
        await drop(deployment.connection, "nothing")


async def test_a_span_that_has_moved_on_is_the_same(deployment: Deployment) -> None:
    await deployment.told(*KEYS)
    now = deployment.connection.clock.now()
    await begun(deployment, replace(TOLD, since=now - timedelta(hours=2)))

    with pytest.raises(TellonceError, match="is not finished"):
        await begun(deployment, replace(TOLD, since=now - timedelta(hours=1)))


async def test_two_who_replay_the_same_at_once_have_it_told_once_more(deployment: Deployment) -> None:
    await deployment.told(*KEYS)
    one, other = await begun(deployment), await begun(deployment, another=True)

    await replay(deployment.connection, one, Pace())
    await deliver(deployment)
    done = await replay(deployment.connection, other, Pace())

    assert 0 == done.done
    assert [1, 1, 1] == await generations(deployment)


async def test_who_says_so_after_it_was_told_once_more_has_it_told_again(deployment: Deployment) -> None:
    await deployment.told(*KEYS)
    for _ in range(2):
        await replay(deployment.connection, await begun(deployment), Pace())
        await deliver(deployment)

    assert [2, 2, 2] == await generations(deployment)


async def test_a_dropped_replay_stops_where_it_is(deployment: Deployment) -> None:
    await deployment.told(*KEYS)
    operation = await begun(deployment)

    async def dropped(_seconds: float) -> None:
        await drop(deployment.connection, operation.id)

    with pytest.raises(TellonceError, match="it was dropped"):
        await replay(deployment.connection, operation, Pace(1, sleep=dropped))
    assert [0, 1, 1] == sorted(await generations(deployment))


async def test_what_was_delivered_after_it_was_counted_is_not_told_once_more(deployment: Deployment) -> None:
    await deployment.told("sign_up:u1")
    late = await deployment.take_over(await deployment.accept("sign_up:u2"))
    operation = await begun(deployment)
    await deployment.tell(late)

    assert 1 == (await replay(deployment.connection, operation, Pace())).done
    assert [1, 0] == await generations(deployment)


async def test_what_is_being_forgotten_is_not_told_once_more(deployment: Deployment) -> None:
    await deployment.told("sign_up:u1")
    operation = await begun(deployment)
    now = deployment.connection.clock.now()
    await deployment.events.begin_forgetting(["sign_up:u1"], now + timedelta(hours=1))

    done = await replay(deployment.connection, operation, Pace())

    assert (0, 1) == (done.done, done.missed)
    assert [0] == await generations(deployment)


async def test_what_has_lost_its_body_is_counted_apart_as_it_can_be_told_no_more(deployment: Deployment) -> None:
    await deployment.told(*KEYS)
    assert set() == await deployment.queue.scrub(["sign_up:u2"])

    found = await survey(deployment.connection, TOLD)

    assert (2, {CONSUMER: {State.DELIVERED: 2}}, {}) == (found.total, found.again, found.others)
    assert {CONSUMER: 1} == found.scrubbed
    shown = await sample(deployment.connection, TOLD, found.again, 9)
    assert ["sign_up:u1", "sign_up:u3"] == sorted(row.event for _, row in shown)
    done = await replay(deployment.connection, await begun(deployment), Pace())
    assert (2, 2, 0) == (done.total, done.done, done.missed)


async def test_what_is_told_once_more_is_remembered_from_then_on(deployment: Deployment) -> None:
    await deployment.told("sign_up:u1")
    before = deployment.connection.clock.now()
    assert await deployment.events.note_replay("sign_up:u1", deployment.connection.clock.now())

    assert [] == await deployment.events.begin_forgetting(["sign_up:u1"], before)
    assert not await deployment.events.note_replay("sign_up:nobody", before)


async def test_what_an_operator_left_out_is_told_where_that_is_meant(deployment: Deployment) -> None:
    (row,) = await deployment.take_over(await deployment.accept("sign_up:u1"))
    await deployment.queue.settle([(row.id, 0)], Signal.GIVE_UP, reason="refused")
    await deployment.queue.settle([(row.id, 0)], Signal.SKIP, reason="cancelled by ada")

    assert 0 == (await survey(deployment.connection, TOLD)).total
    operation = await begun(deployment, Selection((State.DELIVERED, State.SKIPPED)))
    assert 1 == (await replay(deployment.connection, operation, Pace())).done
    (row,) = await deployment.queue.waiting("discord:1", 9)
    assert (1, None) == (row.generation, row.reason)


async def test_a_late_answer_about_the_former_generation_settles_nothing(deployment: Deployment) -> None:
    (row,) = await deployment.told("sign_up:u1")
    await replay(deployment.connection, await begun(deployment), Pace())

    assert 0 == await deployment.queue.settle([(row.id, 0)], Signal.DONE, result={"message_id": "1"})
    assert [row.id] == [one.id for one in await deployment.queue.waiting("discord:1", 9)]


async def test_an_operation_is_begun_once_and_never_goes_back(deployment: Deployment) -> None:
    await deployment.told(*KEYS)
    operation = await begun(deployment)
    operations = Operations(deployment.connection)
    ahead = replace(operation, consumer=CONSUMER, after="sign_up:u2", done=2)
    assert await operations.note(ahead)
    # Killed before its answer was heard, the same is said again.
    assert await operations.note(ahead)
    await operations.begin(operation)
    assert not await operations.note(replace(ahead, after="sign_up:u1", done=1))
    kept = await operations.get(operation.id)
    assert kept == ahead
    assert await operations.end(operation.id, Progress.FINISHED)
    assert await operations.end(operation.id, Progress.FINISHED)
    assert not await operations.end(operation.id, Progress.DROPPED)
    assert not await operations.note(ahead)
