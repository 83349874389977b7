from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from telemetry.core.delivery import Signal
from telemetry.ops.audit import audit
from telemetry.store.client import Connection
from telemetry.store.deferred import Deferred
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.runs import Runs
from telemetry.watcher.memory import Memory
from telemetry.watcher.metrics import WatchMetrics
from tests.audiences import an_audience
from tests.facts import LONG_AGO, a_delivery, an_event
from tests.watcher.fan_outs import NAME, Caller, offer, owe


class KilledError(BaseException):
    """The process ends here."""


def memory(connection: Connection) -> Memory:
    return Memory(connection, connection.clock, {}, WatchMetrics(CollectorRegistry()), 3600)


async def told(connection: Connection, key: str) -> None:
    """Store an event and tell it."""
    event = an_event(key)
    await Events(connection).insert([event])
    await Deliveries(connection, "discord").offer([a_delivery(event)])
    await Events(connection).ack({key: {"discord": 1}}, ["discord"])
    await Deliveries(connection, "discord").settle([(f"{key}|discord:1", 0)], Signal.DONE)


async def test_a_fact_past_its_remembrance_is_forgotten_with_its_tombstones(connection: Connection) -> None:
    await told(connection, "page_view:u1")

    assert 1 == await memory(connection).forget("page_view", timedelta(days=1))
    assert None is await Events(connection).get("page_view:u1")
    assert [] == await Deliveries(connection, "discord").of_event("page_view:u1")


async def test_a_fact_within_its_remembrance_is_kept(connection: Connection) -> None:
    await told(connection, "page_view:u1")
    age = connection.clock.now() - LONG_AGO

    assert 0 == await memory(connection).forget("page_view", age + timedelta(days=1))


async def test_another_types_facts_are_kept(connection: Connection) -> None:
    for key in ("page_view2:u1", "page:u1", "page_view%3A:u1"):
        await told(connection, key)
    assert 0 == await memory(connection).forget("page_view", timedelta(days=1))


async def test_an_event_that_is_still_owed_is_kept_however_long_the_watcher_was_down(connection: Connection) -> None:
    await Events(connection).insert([an_event("page_view:u1")])
    assert 0 == await memory(connection).forget("page_view", timedelta(days=1))


async def test_an_unfinished_delivery_keeps_its_event(connection: Connection) -> None:
    await told(connection, "page_view:u1")
    await Deliveries(connection, "discord").offer([a_delivery(an_event("page_view:u1"), "discord:2")])
    await Deliveries(connection, "discord").settle([("page_view:u1|discord:2", 0)], Signal.GIVE_UP, reason="no")

    assert 0 == await memory(connection).forget("page_view", timedelta(days=1))
    assert 2 == len(await Deliveries(connection, "discord").of_event("page_view:u1"))


async def test_forgetting_that_was_cut_short_is_finished_by_the_next(connection: Connection) -> None:
    await told(connection, "page_view:u1")
    await Events(connection).begin_forgetting(["page_view:u1"], connection.clock.now())
    await Deliveries(connection, "discord").forget(["page_view:u1"])

    assert 1 == await memory(connection).forget("page_view", timedelta(days=1))


@pytest.mark.parametrize("step", ["past", "begin_forgetting"])
async def test_a_cancelled_one_that_is_opened_again_while_it_is_being_forgotten_stays(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    first = replace(an_event("page_view:u1"), revision=1)
    await Events(connection).insert([first])
    await Deferred(connection).cancel(first.key, "ada", "not now")
    again = replace(first, revision=2, receipt="r2")
    done = getattr(Events, step)

    async def and_then_it_is_revised(*args: Any) -> Any:
        answer = await done(*args)
        assert again is await Deferred(connection).revise(again)
        return answer

    with monkeypatch.context() as seam:
        seam.setattr(Events, step, and_then_it_is_revised)
        await memory(connection).forget("page_view", timedelta(days=1))

    stands = await Events(connection).get(first.key)
    assert stands is not None
    assert (2, None) == (stands.revision, stands.cancelled)
    assert stands.due_at is not None
    assert not [row async for row in connection["events"].find({"forgotten": True})]


@pytest.mark.parametrize("step", ["past", "begin_forgetting"])
async def test_what_is_to_be_told_once_more_while_it_is_being_forgotten_stays_or_is_refused(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    await told(connection, "page_view:u1")
    noted, done = list[bool](), getattr(Events, step)

    async def and_then_it_is_replayed(*args: Any) -> Any:
        answer = await done(*args)
        noted.append(await Events(connection).note_replay("page_view:u1", connection.clock.now()))
        return answer

    with monkeypatch.context() as seam:
        seam.setattr(Events, step, and_then_it_is_replayed)
        await memory(connection).forget("page_view", timedelta(days=1))

    kept = await Events(connection).get("page_view:u1") is not None
    assert noted[0] is kept
    assert kept is bool(await Deliveries(connection, "discord").of_event("page_view:u1"))


async def test_what_a_handler_made_stays_while_its_delivery_may_make_it_again(connection: Connection) -> None:
    await told(connection, "winner_found:u1")
    origin = {"handler": "find_winners", "event": "campaign_closing:c1"}
    await connection["events"].update_one({"_id": "winner_found:u1"}, {"$set": {"origin": origin}})
    maker = a_delivery(an_event("campaign_closing:c1"), "handler:find_winners")
    handlers = Deliveries(connection, "find_winners")
    await handlers.offer([maker])
    assert 0 == await memory(connection).forget("winner_found", timedelta(days=1))

    await handlers.settle([(maker.id, 0)], Signal.DONE)
    assert 1 == await memory(connection).forget("winner_found", timedelta(days=1))


async def test_what_a_fact_says_is_removed_before_the_fact(connection: Connection) -> None:
    await told(connection, "page_view:u1")
    result = {"$set": {"result": {"message_id": "7"}, "group": "u1"}}
    await connection["discord_queue"].update_one({"_id": "page_view:u1|discord:1"}, result)
    before = await Events(connection).get("page_view:u1")

    assert 1 == await memory(connection).scrub("page_view", timedelta(days=1))
    assert 0 == await memory(connection).scrub("page_view", timedelta(days=1))

    event = await Events(connection).get("page_view:u1")
    (row,) = await Deliveries(connection, "discord").of_event("page_view:u1")
    assert before is not None
    assert event is not None
    assert event.scrubbed is not None
    assert replace(before, properties={}, scrubbed=event.scrubbed) == event
    assert (row.body, row.scrubbed, row.group, row.result) == ({}, True, None, {"message_id": "7"})


@pytest.mark.parametrize(("seam", "step"), [(Deliveries, "scrub"), (Runs, "scrub"), (Events, "scrub")])
async def test_scrubbing_that_is_killed_half_way_goes_on(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, seam: type, step: str
) -> None:
    await told(connection, "page_view:u1")

    async def killed(*_: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(seam, step, killed)
        with pytest.raises(KilledError):
            await memory(connection).scrub("page_view", timedelta(days=1))
    assert 1 == await memory(connection).scrub("page_view", timedelta(days=1))


async def test_an_unfinished_delivery_keeps_what_its_event_says(connection: Connection) -> None:
    await told(connection, "page_view:u1")
    await Deliveries(connection, "discord").offer([a_delivery(an_event("page_view:u1"), "discord:2")])

    assert 0 == await memory(connection).scrub("page_view", timedelta(days=1))
    assert all(row.body for row in await Deliveries(connection, "discord").of_event("page_view:u1"))


async def test_what_is_replayed_while_it_is_being_scrubbed_keeps_what_its_event_says(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told(connection, "page_view:u1")
    queue = Deliveries(connection, "discord")
    unfinished = Deliveries.unfinished

    async def and_then_it_is_replayed(self: Deliveries, keys: Any) -> set[str]:
        answer = await unfinished(self, keys)
        await queue.settle([("page_view:u1|discord:1", 0)], Signal.REPLAY)
        return answer

    with monkeypatch.context() as seam:
        seam.setattr(Deliveries, "unfinished", and_then_it_is_replayed)
        assert 0 == await memory(connection).scrub("page_view", timedelta(days=1))
    (row,) = await queue.of_event("page_view:u1")
    assert row.body


async def test_what_is_scrubbed_is_replayed_no_more(connection: Connection) -> None:
    await told(connection, "page_view:u1")
    await memory(connection).scrub("page_view", timedelta(days=1))

    assert 0 == await Deliveries(connection, "discord").settle([("page_view:u1|discord:1", 0)], Signal.REPLAY)


async def test_a_revision_of_a_scrubbed_one_that_was_cancelled_brings_its_own_payload(connection: Connection) -> None:
    first = replace(an_event("page_view:u1", page="a"), revision=1)
    await Events(connection).insert([first])
    await Deferred(connection).cancel(first.key, "ada", "not now")
    assert 1 == await memory(connection).scrub("page_view", timedelta(days=1))
    again = replace(first, revision=2, receipt="r2")
    assert again is await Deferred(connection).revise(again)

    stands = await Events(connection).get(first.key)
    assert stands is not None
    assert (None, {"page": "a"}) == (stands.scrubbed, stands.properties)


async def test_a_run_keeps_whom_it_told_without_what_it_said(connection: Connection) -> None:
    await an_audience(connection, "all", ["recorder:1", "recorder:2"])
    event = await owe(connection, order=1)
    run = await offer(connection, event, Caller(beside=("recorder:beside",), texts=("hello", "again")))
    queue = Deliveries(connection, NAME)
    rows = await queue.of_event(event.key)
    await queue.settle([(row.id, 0) for row in rows], Signal.SKIP, reason="no")

    assert 1 == await memory(connection).scrub("sign_up", timedelta(days=1))

    pin = await Runs(connection).pin(run.id)
    assert pin is not None
    assert [{}] == [row.body for row in pin.plain]
    assert [[{}, {}]] == [fan_out.bodies for fan_out in pin.fan_outs]
    found = await audit(connection, event.key, 10)
    assert found is not None
    assert (len(rows), {"skipped": len(rows)}) == (found.expected, found.why)
