from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from telemetry.core.delivery import Signal
from telemetry.store.client import Connection
from telemetry.store.deferred import Deferred
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.watcher.memory import Memory
from telemetry.watcher.metrics import WatchMetrics
from tests.facts import LONG_AGO, a_delivery, an_event


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
