"""An event for whole audiences: offered once, to each member, whatever ends in between."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import count, islice
from typing import Any

import anyio
import pytest
from prometheus_client import CollectorRegistry
from pymongo import monitoring

from telemetry.core.delivery import Delivery, State
from telemetry.core.errors import TellonceError
from telemetry.core.event import Event
from telemetry.core.fan_out import FanOut
from telemetry.core.pause import Pause
from telemetry.ops.runs import Operator, Verb, act
from telemetry.ops.target import RunTarget
from telemetry.store.client import Connection, connect
from telemetry.store.deliveries import Deliveries
from telemetry.store.documents import held_place
from telemetry.store.events import Events
from telemetry.store.registry import Registry
from telemetry.store.runs import Runs
from telemetry.watcher import offering
from telemetry.watcher.fan_out import FanOuts
from telemetry.watcher.metrics import WatchMetrics
from telemetry.watcher.offering import Handed, Offering
from tests.audiences import an_audience
from tests.facts import Recorder, an_event
from tests.until import until
from tests.watcher.conftest import Watching
from tests.watcher.fan_outs import (
    KEY,
    NAME,
    RUN,
    Caller,
    a_run,
    an_offering,
    members,
    offer,
    owe,
    queue_of,
)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offering, "PAGE", 4)


async def the_event(connection: Connection, key: str = KEY) -> Event:
    event = await Events(connection).get(key)
    assert event is not None
    return event


async def test_each_member_is_offered_the_event_and_waits_for_its_turn(connection: Connection) -> None:
    run = await a_run(connection, Caller(), 10)

    rows = await queue_of(connection)
    assert [row.destination for row in rows] == members(10)
    assert {row.state for row in rows} == {State.HELD}
    assert [row.turn for row in rows] == list(range(10))
    assert (run.total, run.offered, run.waiting) == (10, 10, 10)
    event = await the_event(connection)
    assert event.due_at is None
    assert event.acks[NAME].deliveries == 10


async def test_the_parts_of_one_member_are_side_by_side(connection: Connection) -> None:
    await a_run(connection, Caller(texts=("first", "second", "third")), 3)

    rows = sorted(await queue_of(connection), key=lambda row: row.turn)
    assert [(row.destination, row.body["text"]) for row in rows] == [
        (member, text) for member in members(3) for text in ("first", "second", "third")
    ]
    assert [row.turn for row in rows] == list(range(9))


async def test_whoever_is_in_several_audiences_is_told_once(connection: Connection) -> None:
    await an_audience(connection, "all", members(5))
    await an_audience(connection, "some", ["recorder:00003", "recorder:00004", "recorder:00009"])
    other = FanOut(["some"], ("recorder",), [{"text": "other"}], "one")

    run = await offer(
        connection, await owe(connection), Caller(("all", "some"), more=[other], beside=["recorder:00001"])
    )

    rows = {row.destination: row.body["text"] for row in await queue_of(connection)}
    assert len(await queue_of(connection)) == len(rows) == 6
    assert rows["recorder:00001"] == "apart", "what was planned for one alone wins"
    assert rows["recorder:00003"] == "hello", "of several routes the first one counts"
    assert run.offered == 5
    assert (await the_event(connection)).acks[NAME].deliveries == 6


@pytest.mark.parametrize("steps", range(6))
async def test_killed_after_any_step_the_next_process_offers_each_member_once(
    connection: Connection, steps: int
) -> None:
    await an_audience(connection, "all", members(10))
    caller = Caller(beside=["recorder:apart"])
    event = await owe(connection)
    killed = an_offering(connection, event, caller)
    for _ in range(steps):
        await killed.step()

    run = await offer(connection, event, caller)

    assert [row.destination for row in await queue_of(connection)] == [*members(10), "recorder:apart"]
    assert [row.turn for row in await queue_of(connection)][:10] == list(range(10))
    assert (run.total, run.offered) == (10, 10)
    assert (await the_event(connection)).acks[NAME].deliveries == 11


async def test_a_watcher_that_takes_up_little_at_once_offers_as_small_pages(connection: Connection) -> None:
    await an_audience(connection, "all", members(5))
    event = await owe(connection)
    offering = Offering(connection, RUN, Handed(event, NAME, Caller().plan(event)), batch=2)
    for _ in ("it is decided", "a page"):
        await offering.step()
    assert members(2) == [row.destination for row in await queue_of(connection)]
    await offering.close()


@pytest.mark.parametrize("call", ["note_page", "complete"])
async def test_killed_before_a_note_is_written_what_it_was_about_is_repeated_without_effect(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    await an_audience(connection, "all", members(10))
    event = await owe(connection)

    async def killed(*_: object) -> None:
        raise RuntimeError("kill -9")

    with monkeypatch.context() as seam:
        seam.setattr(Runs, call, killed)
        with pytest.raises(RuntimeError):
            await offer(connection, event, Caller())
    before = {row.id: row.turn for row in await queue_of(connection)}
    run = await offer(connection, event, Caller())

    rows = {row.id: row.turn for row in await queue_of(connection)}
    assert rows.items() >= before.items()
    assert sorted(rows.values()) == list(range(10))
    assert run.total == run.offered == (await the_event(connection)).acks[NAME].deliveries == 10


async def test_what_was_decided_first_is_followed_whatever_the_file_and_the_audience_say_by_then(
    connection: Connection,
) -> None:
    await an_audience(connection, "all", members(10))
    event = await owe(connection)
    killed = an_offering(connection, event, Caller())
    for _ in range(2):
        await killed.step()
    await an_audience(connection, "all", ["recorder:newcomer"])

    await offer(connection, event, Caller(texts=("edited", "twice"), beside=["recorder:new"]))

    rows = await queue_of(connection)
    assert [row.destination for row in rows] == members(10)
    assert {row.body["text"] for row in rows} == {"hello"}


async def test_two_watchers_that_are_both_at_it_offer_each_member_once(connection: Connection) -> None:
    await an_audience(connection, "all", members(30))
    event = await owe(connection)

    async with anyio.create_task_group() as group:
        for text in ("hello", "hello from the other"):
            group.start_soon(offer, connection, event, Caller(texts=[text]))

    rows = await queue_of(connection)
    assert [row.turn for row in rows] == list(range(30))
    assert len({row.body["text"] for row in rows}) == 1
    run = await Runs(connection).read(RUN)
    assert run is not None
    assert run.total == run.offered == 30


async def test_one_member_that_cannot_be_stored_stops_nothing(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = Deliveries.offer

    async def choosy(queue: Deliveries, deliveries: Sequence[Delivery]) -> list[str]:
        taken = await offered(queue, [one for one in deliveries if one.destination != "recorder:00002"])
        if any(one.destination == "recorder:00002" for one in deliveries):
            raise TellonceError("the database did not take a write: too large")
        return taken

    monkeypatch.setattr(Deliveries, "offer", choosy)
    run = await a_run(connection, Caller(), 6)

    assert [row.destination for row in await queue_of(connection)] == [*members(2), *members(6)[3:]]
    assert (run.total, run.offered, run.refused) == (5, 5, 1)
    assert (await the_event(connection)).acks[NAME].deliveries == 5
    assert await Runs(connection).refusals(RUN) == {
        f"{KEY}|recorder:00002": "the database did not take a write: too large"
    }


async def test_a_body_that_could_not_be_rendered_makes_dead_deliveries_that_are_seen(connection: Connection) -> None:
    run = await a_run(connection, Caller(fields={"state": State.DEAD, "reason": "template: x is undefined"}), 3)

    assert {(row.state, row.reason) for row in await queue_of(connection)} == {(State.DEAD, "template: x is undefined")}
    assert (run.unfit, run.waiting, run.is_over) == (3, 0, True)


async def test_an_unknown_audience_is_said_once_and_holds_up_nobody(connection: Connection, watching: Watching) -> None:
    other = Recorder("other")
    await an_audience(connection, "all", members(3))
    async with watching(Caller(("nobody",)), other, sweep_every=0.1, full_sweep_every=0.5) as dispatcher:
        await Events(connection).insert([an_event(KEY)])
        await until(lambda: acked(connection, KEY, "other"))
        assert dispatcher._fan_outs is not None
        unplanned = dispatcher._fan_outs._metrics.unplanned.labels(NAME)._value

        async def told() -> bool:
            """It is counted."""
            return bool(unplanned.get() == 1)

        await until(told)
        await Events(connection).insert([an_event("sign_up:u2")])
        await until(lambda: acked(connection, "sign_up:u2", "other"))
        assert unplanned.get() <= 2
        assert NAME not in (await the_event(connection)).acks

        await an_audience(connection, "nobody", members(2))
        dispatcher._fan_outs.audiences_changed()
        await until(lambda: acked(connection, KEY, NAME))
    assert len(await queue_of(connection)) == 2


async def test_what_is_for_an_audience_that_nobody_has_set_is_not_planned_again_every_round(
    connection: Connection, watching: Watching
) -> None:
    other, planned = Recorder("other"), Counter[str]()

    class Counting(Caller):
        def plan(self, event: Event) -> list[Delivery | FanOut]:
            planned[event.key] += 1
            return super().plan(event)

    keys = [f"sign_up:u{number}" for number in range(300)]
    async with watching(Counting(("nobody",)), other, sweep_every=0.05):
        await Events(connection).insert([an_event(key) for key in keys])
        await until(lambda: acked(connection, keys[-1], "other"))

        numbers = count()

        async def left_alone() -> bool:
            """Ten rounds go by, and none of them is planned."""
            before = Counter(planned)
            for number in islice(numbers, 10):
                await Events(connection).insert([an_event(f"sign_up:then{number}")])
                await until(partial(acked, connection, f"sign_up:then{number}", "other"))
            return all(planned[key] == before[key] for key in keys)

        await until(left_alone)


async def acked(connection: Connection, key: str, consumer: str) -> bool:
    """The event is acked."""
    return consumer in (await the_event(connection, key)).acks


async def test_a_watcher_whose_file_has_no_audience_any_more_finishes_what_was_begun(
    connection: Connection, watching: Watching
) -> None:
    await an_audience(connection, "all", members(10))
    killed = an_offering(connection, await owe(connection), Caller())
    for _ in range(2):
        await killed.step()

    async with watching(Caller(audiences=(), beside=["recorder:other"])):
        await until(lambda: acked(connection, KEY, NAME))
    assert [row.destination for row in await queue_of(connection)] == members(10)


async def test_what_was_begun_before_a_pause_is_finished_after_it_though_the_file_has_no_audience_any_more(
    connection: Connection, watching: Watching
) -> None:
    """
    Paused as the route was wrong, mended in the file, started anew, and then resumed.
    """
    await an_audience(connection, "all", members(10))
    killed = an_offering(connection, await owe(connection), Caller())
    for _ in range(2):
        await killed.step()
    await Registry(connection).pause(NAME, Pause("ada", connection.clock.now(), "wrong route"))

    async with watching(Caller(audiences=(), beside=["recorder:other"]), Recorder("other"), sweep_every=0.1) as around:

        async def halted() -> bool:
            """Nothing is being offered."""
            assert around._fan_outs is not None
            return await acked(connection, KEY, "other") and not around._fan_outs._going_on()

        await until(halted)
        await Registry(connection).resume(NAME)

        async def complete() -> bool:
            """All of it is offered."""
            run = await Runs(connection).read(RUN)
            return run is not None and run.total == 10

        await until(complete)
    assert [row.destination for row in await queue_of(connection)] == members(10)
    assert (await the_event(connection)).acks[NAME].deliveries == 10


async def test_a_long_fan_out_holds_up_no_short_one(connection: Connection, watching: Watching) -> None:
    await an_audience(connection, "all", members(400))
    await an_audience(connection, "few", members(2))
    consumer = TwoKinds()
    async with watching(consumer):
        await Events(connection).insert([an_event(KEY)])

        async def begun() -> bool:
            """The long one is on its way."""
            run = await Runs(connection).read(RUN)
            return bool(run and run.offered)

        await until(begun)
        await Events(connection).insert([an_event("sign_up:few")])
        await until(lambda: acked(connection, "sign_up:few", NAME))
        assert not await acked(connection, KEY, NAME)
        await until(lambda: acked(connection, KEY, NAME))


class TwoKinds(Caller):
    """Tells few of one event, and all of another."""

    def plan(self, event: Event) -> list[Any]:
        self.audiences = ("few",) if event.key.endswith("few") else ("all",)
        return super().plan(event)


async def test_what_waits_is_found_by_its_turn(connection: Connection) -> None:
    await a_run(connection, Caller(), 3)

    rows = await connection[f"{NAME}_queue"].find({}, {"work": 1}).sort("work", 1).to_list(None)
    assert [row["work"] for row in rows] == [held_place(RUN, turn) for turn in range(3)]
    assert await Deliveries(connection, NAME).destinations(State.PENDING) == []


class Commands(monitoring.CommandListener):
    """Counts commands by name."""

    def __init__(self) -> None:
        self.counts = Counter[str]()
        self.largest = 0

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.counts[event.command_name] += 1
        self.largest = max(self.largest, len(event.command.get("documents", ())))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@pytest.mark.parametrize("number", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_thousands_of_members_cost_two_writes_a_page(
    mongodb_uri: str, connection: Connection, database: str, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(offering, "PAGE", 500)
    await an_audience(connection, "all", members(number))
    event = await owe(connection)
    await Registry(connection).register(NAME)
    commands = Commands()
    async with connect(mongodb_uri, database, listeners=[commands]) as counted:
        run = await offer(counted, event, Caller())

    assert run.total == number
    assert commands.counts["insert"] == number // 500, "a page is one insert"
    assert commands.counts["update"] <= number // 500 + 4, "and one note"
    assert commands.largest == 500, "no more is in memory at once"


async def test_a_run_that_cannot_be_offered_to_its_end_ends_when_it_is_cancelled(connection: Connection) -> None:
    """
    Seven days after an audience was replaced its former version is gone; a run may have begun with that one.
    """
    await an_audience(connection, "all", members(9))
    event = await owe(connection)
    offering = Offering(connection, RUN, Handed(event, NAME, Caller().plan(event)))
    for _ in range(2):
        assert not await offering.step()
    await offering.close()
    await connection["audiences"].delete_many({})
    await act(connection, Verb.CANCEL, RunTarget(KEY), Operator("ada"))

    fan_outs = FanOuts(connection, WatchMetrics(CollectorRegistry()), lambda: None)
    await fan_outs.resume()
    async with anyio.create_task_group() as group:
        group.start_soon(fan_outs.run)

        async def is_settled() -> bool:
            """The event is owed no more."""
            return (await the_event(connection)).due_at is None

        await until(is_settled)
        group.cancel_scope.cancel()
    assert len(await queue_of(connection)) == (await the_event(connection)).acks[NAME].deliveries
