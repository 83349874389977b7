"""Forgetting a person: all of it goes, wherever it stands and wherever the forgetting is killed."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import bson
import pytest

from telemetry.core.alert import ALERT
from telemetry.core.clock import milliseconds
from telemetry.core.delivery import Delivery, Signal, State
from telemetry.core.errors import TellonceError
from telemetry.core.event import Event
from telemetry.core.pause import Pause
from telemetry.core.pin import run_id
from telemetry.core.run import Ended, RunState
from telemetry.core.warning import Kind as WarningKind
from telemetry.core.warning import Warned
from telemetry.ingest.unerased import Unerased
from telemetry.ops.explain import explain
from telemetry.ops.forget import forget, survey
from telemetry.ops.forgetting import Forgotten
from telemetry.ops.judgement import Kind
from telemetry.ops.replay import begin
from telemetry.ops.runs import Operator
from telemetry.store import commands
from telemetry.store.attempts import Attempt, Attempts
from telemetry.store.channels import Batch, Channels
from telemetry.store.client import Connection
from telemetry.store.deferred import Deferred
from telemetry.store.deliveries import Deliveries
from telemetry.store.keys import Keys
from telemetry.store.operations import Operation, Operations, Progress
from telemetry.store.pauses import Pauses
from telemetry.store.registry import Registry
from telemetry.store.runs import Runs
from telemetry.store.selection import Selection
from telemetry.store.warnings import Warnings
from telemetry.watcher.offering import Handed, Offering
from tests.audiences import an_audience
from tests.facts import a_delivery, an_event
from tests.ops.deployment import CHANNEL, CONSUMER, Deployment
from tests.ops.test_verify import verified
from tests.timed import add, an_entry, every
from tests.watcher.fan_outs import Caller, an_offering
from tests.watcher.test_conductor import Stage

ADA = "ada-lovelace"
OPERATOR = Operator("bob", f"asked to by {ADA}")


class KilledError(BaseException):
    """The process ends here."""


async def at_once(_: float) -> None:
    """Wait for nobody."""


async def forgotten(connection: Connection, who: str = ADA) -> Forgotten:
    return await forget(connection, who, OPERATOR, sleep=at_once)


async def everything(connection: Connection) -> dict[str, dict[Any, Any]]:
    """Read every row of every collection."""
    names = await connection.database.list_collection_names()
    return {name: {row["_id"]: row async for row in connection[name].find({})} for name in sorted(names)}


async def standing(connection: Connection, text: str = ADA) -> list[str]:
    """Find the rows in which a text stands, anywhere."""
    rows = await everything(connection)
    return [
        f"{name}: {row}" for name, all_ in rows.items() for row in all_.values() if text.encode() in bson.encode(row)
    ]


def batch(rows: list[Delivery], deployment: Deployment) -> Batch:
    now = deployment.connection.clock.now()
    return Batch([(row.id, row.generation) for row in rows], "n1", "bot", now, now, now)


async def a_life(deployment: Deployment) -> None:
    """Leave all that daemons may have of a person, and of another beside."""
    connection = deployment.connection
    (told, other) = await deployment.take_over(await deployment.accept(f"sign_up:{ADA}", "sign_up:bob"))
    await Channels(connection).record(await Channels(connection).read("1"), "h", batch([told, other], deployment), 30)
    await deployment.tell([told, other])
    (dead, parked) = await deployment.take_over(await deployment.accept(f"badge:{ADA}:a", f"badge:{ADA}:b"))
    await deployment.queue.settle([(dead.id, 0)], Signal.GIVE_UP, reason="no")
    await deployment.queue.settle([(parked.id, 0)], Signal.PARK, reason="no", attempt={"nonce": "n0"})
    now = connection.clock.now()
    await Attempts(connection).append([Attempt(dead.id, now, "dead", "no", "h")])
    await deployment.take_over(await deployment.accept(f"waits:{ADA}"))
    await deployment.accept(f"owed:{ADA}")
    reminder = replace(deployment.an_event(f"later:{ADA}"), due_at=now + timedelta(days=1), revision=3, deliver_at=now)
    await deployment.events.insert([reminder])
    cancelled = replace(reminder, key=f"cancelled:{ADA}", type="cancelled")
    await deployment.events.insert([cancelled])
    await Deferred(connection).cancel(cancelled.key, "bob", "no")
    await deployment.events.add_aliases({f"sign_up:1:{ADA}": f"sign_up:{ADA}"})
    follow_up = replace(deployment.an_event("found:x"), origin={"handler": "h", "event": f"sign_up:{ADA}"})
    await deployment.events.insert([follow_up])
    await a_fan_out(deployment)
    await what_is_said(deployment)
    # As they are named, so they are found.
    await connection["events"].update_many({"_id": {"$regex": ADA}}, {"$set": {"distinct_id": ADA}})


async def a_fan_out(deployment: Deployment) -> None:
    connection = deployment.connection
    await an_audience(connection, "all", ["recorder:1", "recorder:2"])
    (event,) = await deployment.accept(f"release:{ADA}")
    offering = an_offering(connection, event, Caller(name=CONSUMER, beside=("discord:9",)))
    while not await offering.step():
        pass


async def what_is_said(deployment: Deployment) -> None:
    """Have operators, producers and alerts name the person."""
    connection = deployment.connection
    await connection["warnings"].insert_one(
        {"_id": "conflict|sign_up", "sample": f"sign_up:{ADA}: differs", "count": 3}
    )
    selection = {"event": f"sign_up:{ADA}"}
    operation = {"_id": "x", "state": "finished", "selection": selection, "after": f"sign_up:{ADA}|discord:1"}
    await connection["operations"].insert_one(operation)
    alert = replace(
        deployment.an_event(f"{ALERT}:dead"), type=ALERT, properties={"sample": f"sign_up:{ADA}|discord:1: no"}
    )
    await deployment.events.insert([alert])
    await deployment.tell(await deployment.take_over([alert]))
    await add(connection, "gone", an_entry(every(3600, connection.clock.now()), distinct_id=ADA))
    await connection["schedules"].update_one({"_id": "gone"}, {"$set": {"removed_at": connection.clock.now()}})


KEYS = [f"{name}:{ADA}" for name in ("sign_up", "waits", "owed", "later", "cancelled", "release", "sign_up:1")]


async def is_known(connection: Connection, keys: list[str]) -> bool:
    """Send facts again, as an ingest that started by now does; say whether every one of them is known."""
    _, secret = await Keys(connection).read_all()
    events = [an_event(key, receipt="again") for key in keys]
    rows = Unerased(connection, Deployment(connection).events, lambda: secret)
    return set(keys) == set(await rows.insert(events))


async def test_nothing_that_is_stored_names_the_person_afterwards(deployment: Deployment) -> None:
    await a_life(deployment)
    assert await standing(deployment.connection)

    done = await forgotten(deployment.connection)

    assert (8, []) == (done.events, list(done.left))
    assert [] == await standing(deployment.connection)
    assert await deployment.events.get("sign_up:bob")
    assert 1 == len(await deployment.queue.of_event("sign_up:bob"))


async def test_the_same_facts_sent_again_are_repeats(deployment: Deployment) -> None:
    await a_life(deployment)
    await forgotten(deployment.connection)

    assert await is_known(deployment.connection, KEYS)
    assert [] == await standing(deployment.connection)


async def test_the_law_holds_and_shows_what_was_erased(deployment: Deployment) -> None:
    rows = await deployment.told(f"sign_up:{ADA}", "sign_up:bob")
    before = (await verified(deployment.connection)).totals.shares["sign_up", CONSUMER]
    await forgotten(deployment.connection)

    report = await verified(deployment.connection)

    share = report.totals.shares["sign_up", CONSUMER]
    assert report.holds
    assert {"sign_up": 2} == report.totals.accepted
    assert (2, 2, 1, 2) == (share.acked, share.deliveries, share.erased, share.rows)
    assert (before.acked, before.deliveries, before.rows) == (share.acked, share.deliveries, share.rows)
    await deployment.connection["discord_queue"].delete_one({"_id": rows[1].id})
    assert {Kind.COUNT: 1} == (await verified(deployment.connection)).breaches


async def test_the_law_holds_of_a_whole_life(deployment: Deployment) -> None:
    await a_life(deployment)
    await forgotten(deployment.connection)
    report = await verified(deployment.connection)
    assert report.holds, report.samples


async def test_a_second_time_changes_nothing_but_the_journal(deployment: Deployment) -> None:
    await a_life(deployment)
    await forgotten(deployment.connection)
    before = await everything(deployment.connection)

    assert Forgotten(0, []) == await forgotten(deployment.connection)

    after = await everything(deployment.connection)
    assert 2 == len(after.pop("erasures")) == 1 + len(before.pop("erasures"))
    assert before == after


async def test_counting_changes_nothing(deployment: Deployment) -> None:
    await a_life(deployment)
    before = await everything(deployment.connection)

    found = await survey(deployment.connection, ADA)

    assert (8, 2, 0) == (found.events, found.owed, found.hidden)
    assert (7, 6) == (found.deliveries, found.unfinished)
    assert before == await everything(deployment.connection)


async def test_an_audience_with_a_member_of_that_name_is_named_and_kept(deployment: Deployment) -> None:
    user = "112233445566778899"
    await an_audience(deployment.connection, "all", [f"discord-user:{user}"])

    assert ["all"] == list((await survey(deployment.connection, user)).audiences)
    assert [] == list((await survey(deployment.connection, ADA)).audiences)
    await forgotten(deployment.connection, user)
    assert 1 == len(await standing(deployment.connection, user))


async def test_who_did_it_and_why_is_written_down_but_not_whom(deployment: Deployment) -> None:
    await deployment.told(f"sign_up:{ADA}")
    await forgotten(deployment.connection)

    (row,) = (await everything(deployment.connection))["erasures"].values()

    assert ("bob", "asked to by erased", 1, 0) == (row["by"], row["reason"], row["events"], row["left"])
    assert len(row["person"]) == 64


async def test_explain_says_that_a_key_was_erased(deployment: Deployment) -> None:
    await deployment.told(f"sign_up:{ADA}")
    await forgotten(deployment.connection)

    found = await explain(deployment.connection, f"sign_up:{ADA}")

    assert found is not None
    assert ["its person was forgotten"] == [one.what for one in found.timeline]


async def test_while_a_schedule_would_make_more_nothing_is_changed(deployment: Deployment) -> None:
    await deployment.told(f"sign_up:{ADA}")
    await add(deployment.connection, "daily", an_entry(every(3600, deployment.connection.clock.now()), distinct_id=ADA))
    before = await everything(deployment.connection)

    with pytest.raises(TellonceError, match="schedule remove 'daily'"):
        await forgotten(deployment.connection)
    assert before == await everything(deployment.connection)


async def test_what_is_on_its_way_is_left_for_another_run_without_what_it_says(deployment: Deployment) -> None:
    connection = deployment.connection
    rows = await deployment.take_over(await deployment.accept(f"sign_up:{ADA}", "sign_up:bob"))
    await Channels(connection).record(await Channels(connection).read("1"), "h", batch(rows, deployment), 30)

    assert Forgotten(0, [f"sign_up:{ADA}"]) == await forgotten(connection)
    event = await deployment.events.get(f"sign_up:{ADA}")
    assert event is not None
    assert ("", {}) == (event.distinct_id, event.properties)
    assert (await verified(connection)).holds

    await deployment.tell(rows)
    assert Forgotten(1, []) == await forgotten(connection)
    assert [] == await standing(connection)


@pytest.mark.parametrize(("age", "left"), [(0, [f"sign_up:{ADA}"]), (90, [])])
async def test_what_was_recorded_just_before_it_was_left_out_may_be_on_its_way(
    deployment: Deployment, age: int, left: list[str]
) -> None:
    connection = deployment.connection
    (row,) = await deployment.take_over(await deployment.accept(f"sign_up:{ADA}"))
    await deployment.queue.settle([(row.id, 0)], Signal.SKIP, reason="forgotten by bob")
    now = connection.clock.now() - timedelta(seconds=age)
    recorded = replace(batch([row], deployment), last_at=now)
    await Channels(connection).record(await Channels(connection).read("1"), "h", recorded, 30)

    assert left == list((await forgotten(connection)).left)


async def test_a_bot_that_has_read_ahead_records_nothing_of_it(deployment: Deployment) -> None:
    connection = deployment.connection
    rows = await deployment.take_over(await deployment.accept(f"sign_up:{ADA}"))
    known = await Channels(connection).read("1")

    await forgotten(connection)

    assert await Channels(connection).record(known, "h", batch(rows, deployment), 30) is None


async def test_what_a_courier_has_claimed_is_left_for_another_run(deployment: Deployment) -> None:
    (row,) = await deployment.take_over(await deployment.accept(f"sign_up:{ADA}"))
    await deployment.queue.settle([(row.id, 0)], Signal.CLAIM, holder="h", ready_at=deployment.connection.clock.now())

    assert [f"sign_up:{ADA}"] == list((await forgotten(deployment.connection)).left)
    await deployment.queue.settle([(row.id, 0)], Signal.RELEASE, ready_at=deployment.connection.clock.now())
    assert [] == list((await forgotten(deployment.connection)).left)
    assert [] == await standing(deployment.connection)


async def test_a_run_that_is_being_offered_is_left_for_another_run(deployment: Deployment) -> None:
    connection = deployment.connection
    await an_audience(connection, "all", ["recorder:1", "recorder:2"])
    (event,) = await deployment.accept(f"release:{ADA}")
    offering = an_offering(connection, event, Caller(name=CONSUMER))
    assert not await offering.step()

    assert [event.key] == list((await forgotten(connection)).left)
    while not await offering.step():
        pass
    assert Forgotten(1, []) == await forgotten(connection)
    assert [] == await standing(connection)
    assert (await verified(connection)).holds


async def test_nothing_more_is_let_out_of_a_run_that_is_being_offered(deployment: Deployment) -> None:
    """
    Whatever is put in the queue after that: until the next run of forgetting there may be days.
    """
    connection, caller = deployment.connection, Caller(name=CONSUMER)
    await an_audience(connection, "all", [f"recorder:{number}" for number in range(4)])
    (event,) = await deployment.accept(f"release:{ADA}")
    offering = Offering(connection, run_id(event.key, CONSUMER), Handed(event, CONSUMER, caller.plan(event)), batch=1)
    for _ in range(2):
        assert not await offering.step()

    assert [event.key] == list((await forgotten(connection)).left)
    stage = Stage(connection, caller)
    while not await offering.step():
        await stage.round()
    await stage.round()
    assert {State.SKIPPED} == {row.state for row in await deployment.queue.of_event(event.key)}
    (run,) = await Runs(connection).of_event(event.key)
    assert (RunState.PARTIAL, True) == (run.state, run.is_over)


async def test_what_is_hidden_is_offered_no_more(deployment: Deployment) -> None:
    connection = deployment.connection
    (event,) = await deployment.accept(f"release:{ADA}")
    offering = an_offering(connection, event, Caller(name=CONSUMER))
    await forgotten(connection)

    assert await offering.step()
    assert [] == await Runs(connection).of_event(event.key)


async def test_what_is_offered_late_by_one_who_had_read_it_before_is_removed_too(deployment: Deployment) -> None:
    (event,) = await deployment.accept(f"sign_up:{ADA}")

    async def meanwhile(_: float) -> None:
        await deployment.take_over([event])

    assert Forgotten(1, []) == await forget(deployment.connection, ADA, OPERATOR, sleep=meanwhile)
    assert [] == await standing(deployment.connection)
    assert (await verified(deployment.connection)).holds


async def test_what_is_replayed_while_it_is_removed_is_left_for_another_run(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = await deployment.told(f"sign_up:{ADA}")
    forget_attempts = Attempts.forget

    async def and_then_it_is_replayed(self: Attempts, keys: Any) -> None:
        await forget_attempts(self, keys)
        await deployment.queue.settle([(row.id, 0)], Signal.REPLAY)

    with monkeypatch.context() as seam:
        seam.setattr(Attempts, "forget", and_then_it_is_replayed)
        assert Forgotten(0, [f"sign_up:{ADA}"]) == await forgotten(deployment.connection)
    assert Forgotten(1, []) == await forgotten(deployment.connection)
    assert [] == await standing(deployment.connection)


async def test_a_follow_up_whose_maker_is_not_done_is_left_for_another_run(deployment: Deployment) -> None:
    (maker,) = await deployment.take_over(await deployment.accept("closing:c1"))
    made = replace(deployment.an_event(f"found:{ADA}"), origin={"handler": "h", "event": "closing:c1"})
    await deployment.events.insert([made])

    assert [made.key] == list((await forgotten(deployment.connection)).left)
    assert await deployment.events.get(made.key) is not None
    await deployment.tell([maker])
    assert Forgotten(1, []) == await forgotten(deployment.connection)


class Axe:
    """Kills the process before one of its commands, which is after the one before."""

    def __init__(self, at: int) -> None:
        self.at, self.seen = at, 0

    async def __call__(self, call: Any, *args: Any, **kwargs: Any) -> Any:
        self.seen += 1
        if self.seen == self.at:
            raise KilledError
        return await UNHARMED(call, *args, **kwargs)


UNHARMED = commands.patiently
MODULES = ("erasures", "traces", "deliveries", "attempts", "runs", "keys", "events", "commands")


@pytest.fixture
def swing(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Axe]:
    def armed(at: int) -> Axe:
        axe = Axe(at)
        for module in MODULES:
            monkeypatch.setattr(f"telemetry.store.{module}.patiently", axe)
        return axe

    return armed


@pytest.mark.slow
async def test_killed_at_any_command_the_next_run_finishes_and_nothing_is_told_or_taken_anew(
    deployment: Deployment, swing: Callable[[int], Axe], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 15 < await killed_everywhere(deployment, swing, monkeypatch, a_life_in_short, SHORT)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_killed_at_any_command_of_a_whole_life(
    deployment: Deployment, swing: Callable[[int], Axe], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 40 < await killed_everywhere(deployment, swing, monkeypatch, a_life, KEYS)


async def killed_everywhere(
    deployment: Deployment,
    swing: Callable[[int], Axe],
    monkeypatch: pytest.MonkeyPatch,
    lived: Callable[[Deployment], Awaitable[None]],
    keys: list[str],
) -> int:
    """Kill the forgetting of a life before each of its commands, and finish it each time; count them."""
    connection, place = deployment.connection, 0
    while True:
        place += 1
        await clean(connection)
        await lived(deployment)
        axe = swing(place)
        try:
            await forgotten(connection)
        except KilledError:
            monkeypatch.undo()
        else:
            monkeypatch.undo()
            assert axe.seen < place
            return place
        assert await is_known(connection, keys), place
        assert (await verified(connection)).holds, place
        assert [] == list((await forgotten(connection)).left), place
        assert [] == await standing(connection), place
        assert await is_known(connection, keys), place
        assert (await verified(connection)).holds, place


SHORT = [f"sign_up:{ADA}", f"owed:{ADA}", f"sign_up:1:{ADA}"]


async def clean(connection: Connection) -> None:
    """Leave nothing but who is registered."""
    for name in await connection.database.list_collection_names():
        if name != "consumers":
            await connection[name].delete_many({})


async def a_life_in_short(deployment: Deployment) -> None:
    (row,) = await deployment.told(f"sign_up:{ADA}")
    connection = deployment.connection
    await Channels(connection).record(await Channels(connection).read("1"), "h", batch([row], deployment), 30)
    await Attempts(connection).append([Attempt(row.id, connection.clock.now(), "dead", "no", "h")])
    await deployment.accept(f"owed:{ADA}")
    await deployment.events.add_aliases({f"sign_up:1:{ADA}": f"sign_up:{ADA}"})
    await connection["warnings"].insert_one({"_id": "conflict|sign_up", "sample": f"sign_up:{ADA}: differs"})


async def test_a_repeat_that_is_between_its_look_and_its_write_is_stopped_by_the_row(deployment: Deployment) -> None:
    (event,) = await deployment.accept(f"sign_up:{ADA}")
    again: Event = replace(event, receipt="again")
    blocked = []

    async def meanwhile(_: float) -> None:
        # It had looked before there was a tombstone, and writes as late as may be.
        blocked.append(await deployment.events.insert([again]))

    await forget(deployment.connection, ADA, OPERATOR, sleep=meanwhile)

    assert [event.key] == [key for answer in blocked for key in answer]
    assert [] == await standing(deployment.connection)


async def test_the_wait_is_for_what_was_hidden_last(deployment: Deployment) -> None:
    await deployment.told(f"sign_up:{ADA}")
    waited: list[float] = []

    async def killed(seconds: float) -> None:
        waited.append(seconds)
        raise KilledError

    for _ in range(2):
        with pytest.raises(KilledError):
            await forget(deployment.connection, ADA, OPERATOR, settle=10, sleep=killed)

    assert 10 == waited[0]
    assert 5 < waited[1] < 10


async def test_a_handlers_queue_loses_what_was_emitted(deployment: Deployment) -> None:
    (event,) = await deployment.accept(f"sign_up:{ADA}")
    queue = Deliveries(deployment.connection, "handler")
    row = a_delivery(event, "handler:h")
    await queue.offer([row])
    emitting = {"$set": {"state": "delivered", "work": "emitting|x", "emits": [], "result": {"n": 1}}}
    await deployment.connection["handler_queue"].update_one({"_id": row.id}, emitting)

    assert [event.key] == list((await forgotten(deployment.connection)).left)
    await deployment.connection["handler_queue"].update_one({"_id": row.id}, {"$unset": {"work": "", "emits": ""}})
    assert Forgotten(1, []) == await forgotten(deployment.connection)
    assert [] == await standing(deployment.connection)


async def an_operation(deployment: Deployment, selection: Selection, reason: str) -> Operation:
    """Begin a replay, of which one delivery is behind."""
    operation = await begin(deployment.connection, selection, "bob", reason)
    reached = replace(operation, consumer=CONSUMER, after=f"sign_up:{ADA}|{CHANNEL}")
    assert await Operations(deployment.connection).note(reached)
    return reached


@pytest.mark.parametrize("who", ["finished", "states", "event", "delivered", "conflict", "sign_up", CONSUMER, "1", "a"])
async def test_a_person_whose_id_is_a_word_of_ours_takes_nothing_else_away(deployment: Deployment, who: str) -> None:
    connection = deployment.connection
    await deployment.told(f"badge:{who}")
    operation = await begin(connection, Selection((State.DELIVERED,)), "bob", "one more time")
    await Operations(connection).end(operation.id, Progress.FINISHED)
    now = connection.clock.now()
    await Warnings(connection).note(
        Warned(WarningKind.CONFLICT, "sign_up", 1, now, now, "web", f"badge:{who}:x: no"), "s"
    )
    alarm = {"sample": "sign_up:bob|discord:1: no", "trouble": "dead", "consumer": CONSUMER, "text": f"1 a {who}"}
    await deployment.events.insert([replace(deployment.an_event(f"{ALERT}:x"), type=ALERT, properties=alarm)])
    before = await Operations(connection).get(operation.id)

    await forgotten(connection, who)

    assert before == await Operations(connection).get(operation.id)
    (warned,) = await Warnings(connection).all()
    assert (WarningKind.CONFLICT, "sign_up", "badge:erased:x: no") == (warned.kind, warned.type, warned.sample)
    assert alarm == (await deployment.events.fetch([f"{ALERT}:x"]))[0].properties


async def test_a_key_that_does_not_hold_the_id_goes_from_what_was_said_too(deployment: Deployment) -> None:
    connection, email = deployment.connection, "ada@x.org"
    await deployment.told(f"invite:{email}")
    await connection["events"].update_many({}, {"$set": {"distinct_id": ADA}})
    now = connection.clock.now()
    said = f"invite:{email}: another body is stored"
    await Warnings(connection).note(Warned(WarningKind.CONFLICT, "invite", 1, now, now, "web", said), "s")

    await forgotten(connection)

    assert [] == await standing(connection, email)


async def test_an_operation_that_runs_names_nobody_who_is_forgotten_and_goes_on(deployment: Deployment) -> None:
    connection = deployment.connection
    await deployment.told(f"sign_up:{ADA}", f"sign_up:{ADA}-2", "sign_up:bob")
    whole = await an_operation(deployment, Selection((State.DELIVERED,)), f"as {ADA} asked")
    of_one = await an_operation(deployment, Selection((State.DELIVERED,), event=f"sign_up:{ADA}"), "once more")
    of_other = await an_operation(deployment, Selection((State.DELIVERED,), event=f"sign_up:{ADA}-2"), "once more")

    await forgotten(connection)

    kept = await Operations(connection).of([whole.id, of_one.id, of_other.id])
    assert kept[whole.id] == replace(whole, reason="as erased asked")
    assert str(kept[of_one.id].selection.event).startswith("erased:")
    assert kept[of_other.id] == of_other


async def test_no_reason_that_an_operator_gave_names_the_person(deployment: Deployment) -> None:
    connection, who = deployment.connection, Operator("bob", f"{ADA} asked")
    pause = Pause("bob", milliseconds(connection.clock.now()), who.reason)
    await Pauses(connection).pause("discord:7", pause)
    await Registry(connection).pause(CONSUMER, pause)
    later = replace(deployment.an_event("later:bob"), due_at=connection.clock.now() + timedelta(days=1), revision=3)
    await deployment.events.insert([later])
    await Deferred(connection).cancel(later.key, "bob", who.reason)
    await an_audience(connection, "all", ["recorder:1"])
    (event,) = await deployment.accept("release:1")
    offering = an_offering(connection, event, Caller(name=CONSUMER))
    while not await offering.step():
        pass
    (run,) = await Runs(connection).of_event(event.key)
    assert await Runs(connection).cancel(run.id, Ended("bob", connection.clock.now(), who.reason))
    await forget(connection, "bob", who, sleep=at_once)

    await forgotten(connection)

    assert [] == await standing(connection)
    assert {"discord:7": replace(pause, reason="erased asked")} == await Pauses(connection).read()


async def test_what_a_courier_tells_the_log_last_of_all_goes_too(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = await deployment.told(f"sign_up:{ADA}")
    forget_runs = Runs.forget

    async def and_then_it_is_told(self: Runs, keys: Any) -> None:
        await forget_runs(self, keys)
        now = deployment.connection.clock.now()
        await Attempts(deployment.connection).append([Attempt(row.id, now, "delivered", "", "h")])

    monkeypatch.setattr(Runs, "forget", and_then_it_is_told)
    assert Forgotten(1, []) == await forgotten(deployment.connection)
    assert [] == await standing(deployment.connection)


async def test_an_event_that_a_switch_gives_another_key_meanwhile_is_left_for_another_run(
    deployment: Deployment,
) -> None:
    await deployment.told(f"sign_up:{ADA}")

    async def meanwhile(_: float) -> None:
        await deployment.events.add_aliases({f"sign_up:2:{ADA}": f"sign_up:{ADA}"})

    assert Forgotten(0, [f"sign_up:{ADA}"]) == await forget(deployment.connection, ADA, OPERATOR, sleep=meanwhile)
    assert Forgotten(1, []) == await forgotten(deployment.connection)
    assert [] == await standing(deployment.connection)
    assert await is_known(deployment.connection, [f"sign_up:2:{ADA}"])
