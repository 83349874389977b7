"""Runs take turns: who is let out when, and what a crash, a pause or a cancel leaves."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import Any

import anyio
import pytest
from prometheus_client import CollectorRegistry

from telemetry.core.delivery import Delivery, Signal, State, destination_of
from telemetry.core.run import Ended, Limits, Run, RunState
from telemetry.ops.runs import Operator, Verb, act
from telemetry.ops.target import RunTarget
from telemetry.store import held
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries, carried_out
from telemetry.store.held import Held
from telemetry.store.runs import Runs
from telemetry.watcher.conductor import SLOWEST, Conductor
from telemetry.watcher.metrics import WatchMetrics
from tests.audiences import an_audience
from tests.until import until
from tests.watcher.fan_outs import KEY, NAME, RUN, Caller, a_run, an_offering, members, offer, owe, queue_of

FAST = Limits(rate=6_000_000)


class Watch:
    """A monotonic clock that is wound by hand."""

    def __init__(self, connection: Connection) -> None:
        self.now = connection.clock.now
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


class Stage:
    """A conductor, and a courier that does as it is told."""

    def __init__(self, connection: Connection, caller: Caller, limits: Limits = FAST) -> None:
        self.connection = connection
        self.clock = Watch(connection)
        metrics = WatchMetrics(CollectorRegistry())
        self.conductor = Conductor(connection, [caller], limits, self.clock, Random(1), metrics)
        self.queue = Deliveries(connection, NAME)

    async def round(self) -> None:
        """Let some time pass, and go round once."""
        self.clock.seconds += 1
        await self.conductor.round()

    async def out(self, key: str = KEY) -> list[Delivery]:
        """Read what is let out and not told."""
        return [row for row in await queue_of(self.connection, key) if row.state is State.PENDING]

    async def tell(self, rows: Sequence[Delivery], signal: Signal = Signal.DONE) -> None:
        """Settle deliveries."""
        fields = {"result": {"id": "1"}} if signal is Signal.DONE else {"reason": "refused"}
        await self.queue.settle([(row.id, 0) for row in rows], signal, **fields)

    async def to_the_end(self, run: str = RUN) -> Run:
        """Tell whatever is let out until the run is over."""
        for _ in range(60):
            await self.round()
            found = await Runs(self.connection).read(run)
            assert found is not None
            if found.is_over:
                return found
            await self.tell(await self.out(found.event))
        raise AssertionError(f"not over: {found}")


async def read(connection: Connection, run: str = RUN) -> Run:
    found = await Runs(connection).read(run)
    assert found is not None
    return found


async def test_three_destinations_are_told_at_once_and_the_next_when_one_is_through(connection: Connection) -> None:
    caller = Caller()
    await a_run(connection, caller, 6)
    stage = Stage(connection, caller)

    for _ in range(3):
        await stage.round()
    assert [row.destination for row in await stage.out()] == members(3)

    await stage.tell((await stage.out())[:1])
    await stage.round()
    assert [row.destination for row in await stage.out()] == members(4)[1:]
    assert (await read(connection)).counts == {State.DELIVERED: 1}


async def test_how_long_a_member_took_counts_from_when_it_was_let_out(connection: Connection) -> None:
    """
    That ten thousand people are told at forty a minute is meant: it is no delay.
    """
    await a_run(connection, Caller(), 3)
    (waiting, *_) = await queue_of(connection)
    before = connection.clock.now().timestamp()
    await Held(connection, NAME, RUN).admit([waiting.id])
    (let_out, *_) = await queue_of(connection)
    assert waiting.wanted_at < before - 1000
    assert before - 1 < let_out.wanted_at <= connection.clock.now().timestamp()


@pytest.mark.parametrize("signal", [Signal.DONE, Signal.GIVE_UP, Signal.PARK, Signal.SKIP])
async def test_a_part_is_let_out_when_the_one_before_it_came_to_something(
    connection: Connection, signal: Signal
) -> None:
    caller = Caller(texts=("first", "second"))
    await a_run(connection, caller, 2)
    stage = Stage(connection, caller)

    await stage.round()
    await stage.round()
    assert [row.body["text"] for row in await stage.out()] == ["first", "first"]
    await stage.tell((await stage.out())[:1], signal)
    await stage.round()
    assert [(row.destination, row.body["text"]) for row in await stage.out()] == [
        ("recorder:00000", "second"),
        ("recorder:00001", "first"),
    ]


async def test_a_run_ends_when_all_came_to_something(connection: Connection) -> None:
    caller = Caller(texts=("first", "second"))
    await a_run(connection, caller, 5)
    stage = Stage(connection, caller)

    run = await stage.to_the_end()

    assert (run.state, run.counts, run.total) == (RunState.FINISHED, {State.DELIVERED: 10}, 10)
    assert await Runs(connection).open() == []


async def test_runs_of_one_account_take_turns_the_oldest_first(connection: Connection) -> None:
    caller = Caller()
    await a_run(connection, caller, 4, "sign_up:old", order=1)
    await a_run(connection, caller, 4, "sign_up:new", order=2)
    stage = Stage(connection, caller)

    for _ in range(3):
        await stage.round()
    assert (len(await stage.out("sign_up:old")), len(await stage.out("sign_up:new"))) == (3, 0)
    await stage.to_the_end(f"sign_up:old|{NAME}")
    await stage.round()
    assert await stage.out("sign_up:new")


async def test_a_paused_run_gives_way_and_resumes_as_the_same_run(connection: Connection) -> None:
    caller = Caller()
    await a_run(connection, caller, 4, "sign_up:old", order=1)
    await a_run(connection, caller, 4, "sign_up:new", order=2)
    stage = Stage(connection, caller)
    old = RunTarget("sign_up:old")
    await act(connection, Verb.PAUSE, old, Operator("anna", "lunch"))

    for _ in range(3):
        await stage.round()
    assert (len(await stage.out("sign_up:old")), len(await stage.out("sign_up:new"))) == (0, 3)

    await act(connection, Verb.RESUME, old, Operator("anna"))
    await stage.tell(await stage.out("sign_up:new"))
    run = await stage.to_the_end(f"sign_up:old|{NAME}")
    assert (run.state, run.counts) == (RunState.FINISHED, {State.DELIVERED: 4})


@pytest.mark.parametrize("verb", [Verb.PAUSE, Verb.CANCEL])
async def test_what_is_still_out_of_a_run_keeps_its_places_from_the_next_of_its_account(
    connection: Connection, verb: Verb
) -> None:
    caller = Caller()
    await a_run(connection, caller, 4, "sign_up:old", order=1)
    await a_run(connection, caller, 6, "sign_up:new", order=2)
    stage = Stage(connection, caller)
    for _ in range(3):
        await stage.round()
    await act(connection, verb, RunTarget("sign_up:old"), Operator("anna"))

    for _ in range(2):
        await stage.round()
    assert (len(await stage.out("sign_up:old")), len(await stage.out("sign_up:new"))) == (3, 0)

    await stage.tell((await stage.out("sign_up:old"))[:2])
    for _ in range(2):
        await stage.round()
    assert (len(await stage.out("sign_up:old")), len(await stage.out("sign_up:new"))) == (1, 2)


async def test_accounts_go_on_side_by_side_but_not_more_than_so_many(connection: Connection) -> None:
    keys = [f"sign_up:u{number}" for number in range(4)]
    for number, key in enumerate(keys):
        await a_run(connection, Caller(account=f"account {number}"), 2, key, order=number)
    stage = Stage(connection, Caller(), Limits(accounts=3, rate=FAST.rate))

    await stage.round()
    assert [bool(await stage.out(key)) for key in keys] == [True, True, True, False]


async def test_closed_destinations_take_no_place_and_no_token(connection: Connection) -> None:
    shut = frozenset(members(5))
    caller = Caller(shut=shut)
    await a_run(connection, caller, 8)
    stage = Stage(connection, caller, Limits(rate=0.001))

    await stage.round()

    assert {row.destination for row in await stage.out()} == {*shut, "recorder:00005"}, "and one token's worth"


async def test_one_that_waits_for_another_try_gives_its_place_to_the_next(connection: Connection) -> None:
    caller = Caller()
    await a_run(connection, caller, 4)
    stage = Stage(connection, caller, Limits(destinations=1, rate=FAST.rate))
    await stage.round()
    (first,) = await stage.out()
    later = connection.clock.now().replace(year=2999)
    await stage.queue.settle([(first.id, 0)], Signal.RETRY, ready_at=later, failures=1)

    await stage.round()

    assert [row.destination for row in await stage.out()] == members(2)


async def test_a_bucket_lets_out_so_many_a_minute_and_no_two_waits_are_alike(connection: Connection) -> None:
    caller = Caller()
    await a_run(connection, caller, 60)
    stage = Stage(connection, caller, Limits(destinations=50, rate=40))
    moments: list[float] = []

    while stage.clock.seconds < 1060:
        stage.clock.seconds += 0.5
        before = len(await stage.out())
        await stage.conductor.round()
        moments += [stage.clock.seconds] * (len(await stage.out()) - before)

    assert 34 <= len(moments) <= 46
    waits = Counter(round(later - earlier, 1) for earlier, later in pairwise(moments))
    assert len(waits) > 1


async def killed_before_letting_out(connection: Connection, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Have a conductor of a run of five end when the row says what is let out, and nothing is."""
    await a_run(connection, caller, 5)

    async def killed(*_: object) -> int:
        raise RuntimeError("kill -9")

    stage = Stage(connection, caller)
    with monkeypatch.context() as seam:
        seam.setattr(Held, "admit", killed)
        with pytest.raises(RuntimeError):
            await stage.round()
    return stage


async def test_killed_between_the_row_and_the_letting_out_the_next_conductor_lets_out_the_same(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = Caller()
    stage = await killed_before_letting_out(connection, caller, monkeypatch)
    noted = (await read(connection)).active
    assert noted
    assert await stage.out() == []

    after = Stage(connection, caller)
    await after.round()
    assert {row.id for row in await after.out()} >= set(noted)
    run = await after.to_the_end()
    assert run.counts == {State.DELIVERED: 5}


async def test_two_conductors_at_once_let_out_no_more_than_one(connection: Connection) -> None:
    caller = Caller()
    await a_run(connection, caller, 9)
    stale = (await Runs(connection).open())[0]
    stage = Stage(connection, caller)
    await stage.round()

    assert not await Runs(connection).advance(stale, stale), "what it knew is old"
    for _ in range(3):
        await stage.round()
        await Stage(connection, caller).round()
    assert len(await stage.out()) == 3


@pytest.mark.parametrize("rounds", range(4))
async def test_cancelled_at_any_step_what_is_out_arrives_and_the_rest_is_skipped(
    connection: Connection, rounds: int
) -> None:
    caller = Caller()
    await a_run(connection, caller, 8)
    stage = Stage(connection, caller)
    for _ in range(rounds):
        await stage.round()
    out = await stage.out()

    (run,) = await act(connection, Verb.CANCEL, RunTarget(KEY), Operator("anna", "wrong text"))
    assert run.state is RunState.PARTIAL
    run = await stage.to_the_end()

    assert (run.state, run.total) == (RunState.PARTIAL, 8)
    assert run.counts.get(State.DELIVERED, 0) == len(out)
    assert run.counts[State.SKIPPED] == 8 - len(out)
    skipped = [row for row in await queue_of(connection) if row.state is State.SKIPPED]
    assert {row.reason for row in skipped} == {"cancelled by anna: wrong text"}
    assert len(skipped) == 8 - len(out)


async def test_a_cancel_that_is_killed_half_way_is_finished_by_the_conductor(connection: Connection) -> None:
    caller = Caller()
    run = await a_run(connection, caller, 8)
    stage = Stage(connection, caller)
    await stage.round()
    # All that the command had done by then: the row is switched, and some of the rest is skipped.
    await Runs(connection).cancel(run.id, Ended("anna", connection.clock.now()))
    await Held(connection, NAME, run.id).skip(5, 7, "cancelled by anna")

    await stage.round()
    assert (await read(connection)).state is RunState.PARTIAL
    run = await stage.to_the_end()
    assert run.counts == {State.DELIVERED: 1, State.SKIPPED: 7}


async def test_cancelled_between_the_row_and_the_letting_out_it_is_skipped_and_counted(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await killed_before_letting_out(connection, Caller(), monkeypatch)
    await act(connection, Verb.CANCEL, RunTarget(KEY), Operator("anna"))

    run = await stage.to_the_end()
    assert run.counts == {State.SKIPPED: 5}


async def test_what_was_skipped_before_costs_a_cancel_few_commands(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "AT_ONCE", 1)
    run = await a_run(connection, Caller(), 60)
    waiting, commands = Held(connection, NAME, run.id), list[Signal]()

    def counted(signal: Signal, fields: Mapping[str, Any]) -> Any:
        commands.append(signal)
        return carried_out(signal, fields)

    monkeypatch.setattr(held, "carried_out", counted)
    assert await waiting.skip(0, 58, "cancelled") == 58
    assert len(commands) == 58
    assert await waiting.skip(0, 60, "cancelled") == 2
    assert len(commands) - 58 <= 4
    assert {row.state for row in await queue_of(connection)} == {State.SKIPPED}


@pytest.mark.parametrize("verb", [Verb.PAUSE, Verb.CANCEL])
async def test_paused_or_cancelled_while_it_is_being_offered_nothing_more_goes_out(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, verb: Verb
) -> None:
    monkeypatch.setattr("telemetry.watcher.offering.PAGE", 2)
    await an_audience(connection, "all", members(8))
    caller = Caller()
    event = await owe(connection)
    offering = an_offering(connection, event, caller)
    for _ in range(3):
        await offering.step()
    await act(connection, verb, RunTarget(KEY), Operator("anna"))

    stage = Stage(connection, caller)
    await stage.round()
    run = await offer(connection, event, caller)
    await stage.round()

    assert await stage.out() == []
    assert run.total == 8
    if verb is Verb.PAUSE:
        await act(connection, Verb.RESUME, RunTarget(KEY), Operator("anna"))
        assert (await stage.to_the_end()).counts == {State.DELIVERED: 8}
    else:
        assert (await stage.to_the_end()).counts == {State.SKIPPED: 8}


async def test_one_slow_destination_with_many_parts_holds_up_no_other(connection: Connection) -> None:
    caller = Caller(texts=[f"part {number}" for number in range(60)])
    await a_run(connection, caller, 3)
    stage = Stage(connection, caller, Limits(destinations=2, rate=FAST.rate))

    await stage.round()
    await stage.round()

    assert {destination_of(row.id) for row in await stage.out()} == set(members(2))


async def test_with_no_run_open_it_asks_once_and_again_when_it_is_woken(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    async def none_open(_: Runs) -> list[Run]:
        asked.append(1)
        return []

    monkeypatch.setattr(Runs, "open", none_open)
    conductor = Stage(connection, Caller()).conductor

    async def so_often(number: int) -> None:
        async def fact() -> bool:
            """It has asked so often."""
            return len(asked) == number

        await until(fact)

    async with anyio.create_task_group() as group:
        group.start_soon(conductor.run)
        await so_often(1)
        await anyio.sleep(3 * SLOWEST / 2)
        assert len(asked) == 1
        conductor.wake()
        await so_often(2)
        group.cancel_scope.cancel()


async def test_a_run_ends_though_some_of_it_was_left_out_by_others(connection: Connection) -> None:
    """
    As when the person that it is about was forgotten; the next run of its account has its turn then.
    """
    caller = Caller()
    await a_run(connection, caller, 5, order=1)
    await a_run(connection, caller, 2, "sign_up:next", order=2)
    stage = Stage(connection, caller)
    await stage.round()
    await Deliveries(connection, NAME).skip_waiting([KEY], [row.id for row in await stage.out()], "forgotten")

    run = await stage.to_the_end()

    assert run.state is RunState.FINISHED
    assert (await stage.to_the_end(f"sign_up:next|{NAME}")).counts == {State.DELIVERED: 2}
    assert (run.counts[State.DELIVERED], run.counts[State.SKIPPED]) == (1, 4)


async def test_a_run_ends_though_one_of_its_members_was_told_before_it_began(connection: Connection) -> None:
    """
    As when a watcher was killed right after an offer, and its successor's file names an audience instead.
    """
    caller = Caller()
    event = await owe(connection)
    await an_audience(connection, "all", members(3))
    before = Delivery.of(event, members(1)[0], {"text": "apart"})
    await Deliveries(connection, NAME).offer([before])
    await Deliveries(connection, NAME).settle([(before.id, 0)], Signal.DONE)
    await offer(connection, event, caller)

    run = await Stage(connection, caller).to_the_end()

    assert (run.state, run.done) == (RunState.FINISHED, 3)
