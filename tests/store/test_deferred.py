"""Revising, cancelling and firing exclude one another, in whatever order they come."""

from dataclasses import replace
from datetime import timedelta

import pytest

from telemetry.core.clock import micros
from telemetry.core.errors import UnavailableError
from telemetry.core.event import Event, new_event
from telemetry.store.client import Connection
from telemetry.store.deferred import Deferred
from telemetry.store.events import Events
from tests.facts import an_event

KEY = "sign_up:u1"


@pytest.fixture
def deferred(connection: Connection) -> Deferred:
    return Deferred(connection)


async def a_stored(connection: Connection, revision: int | None = 1) -> Event:
    now = connection.clock.now().replace(microsecond=0)
    due = now + timedelta(hours=1)
    event = replace(an_event(KEY, due_at=due), received_at=now, deliver_at=due, revision=revision, order=micros(due))
    await Events(connection).insert([event])
    return event


def revised(event: Event, revision: int, receipt: str = "r2") -> Event:
    return replace(event, revision=revision, receipt=receipt, properties={"revision": revision})


async def standing(connection: Connection) -> Event:
    event = await Events(connection).get(KEY)
    assert event is not None
    return event


async def test_of_two_revisions_the_higher_one_stands_whichever_comes_first(
    connection: Connection, deferred: Deferred
) -> None:
    event = await a_stored(connection)
    second, third = revised(event, 2), revised(event, 3, "r3")
    assert third is await deferred.revise(third)
    assert 3 == (await deferred.revise(second)).revision
    assert {"revision": 3} == (await standing(connection)).properties


async def test_a_revision_whose_answer_was_lost_recognises_itself(connection: Connection, deferred: Deferred) -> None:
    second = revised(await a_stored(connection), 2)
    await deferred.revise(second)
    assert second is await deferred.revise(second)


async def test_the_first_receipt_stays_with_what_is_kept_of_the_first_submission(
    connection: Connection, deferred: Deferred
) -> None:
    event = await a_stored(connection)
    later = event.received_at + timedelta(hours=1)
    await deferred.revise(replace(revised(event, 2), received_at=later))
    assert event.received_at == (await standing(connection)).received_at


async def test_what_was_read_before_a_revision_does_not_fire(connection: Connection, deferred: Deferred) -> None:
    event = await a_stored(connection)
    await deferred.revise(revised(event, 2))
    assert set() == await deferred.fire([event])
    assert (await standing(connection)).fired is None


async def test_what_has_fired_is_neither_revised_nor_cancelled(connection: Connection, deferred: Deferred) -> None:
    event = await a_stored(connection)
    assert {KEY} == await deferred.fire([event])
    assert 1 == (await deferred.revise(revised(event, 2))).fired
    told = await deferred.cancel(KEY, "ada", "too late")
    assert told is not None
    assert (1, None) == (told.fired, told.cancelled)
    assert told.due_at == event.due_at


async def test_firing_again_says_the_same_so_that_a_successor_offers_it(
    connection: Connection, deferred: Deferred
) -> None:
    event = await a_stored(connection)
    assert {KEY} == await deferred.fire([event])
    assert {KEY} == await deferred.fire([event])


async def test_what_is_cancelled_does_not_fire(connection: Connection, deferred: Deferred) -> None:
    event = await a_stored(connection)
    await deferred.cancel(KEY, "ada", "not needed")
    assert set() == await deferred.fire([event])
    told = await standing(connection)
    assert told.cancelled is not None
    assert ("ada", "not needed", None) == (told.cancelled.by, told.cancelled.reason, told.due_at)


async def test_a_second_cancellation_leaves_the_first_ones_reason(connection: Connection, deferred: Deferred) -> None:
    await a_stored(connection)
    await deferred.cancel(KEY, "ada", "first")
    told = await deferred.cancel(KEY, "bob", "second")
    assert told is not None
    assert told.cancelled is not None
    assert "first" == told.cancelled.reason


async def test_what_is_told_at_once_is_not_cancelled(connection: Connection, deferred: Deferred) -> None:
    await a_stored(connection, revision=None)
    told = await deferred.cancel(KEY, "ada", "oh")
    assert told is not None
    assert told.cancelled is None
    assert told.due_at is not None


async def test_an_unknown_key_cannot_be_cancelled(deferred: Deferred) -> None:
    assert await deferred.cancel("sign_up:nobody", "ada", "oh") is None


async def test_a_revision_of_what_is_gone_is_to_be_sent_again(connection: Connection, deferred: Deferred) -> None:
    event = await a_stored(connection)
    await connection["events"].delete_one({"_id": KEY})
    with pytest.raises(UnavailableError):
        await deferred.revise(revised(event, 2))


async def test_an_ack_matches_the_revision_that_fired(connection: Connection, deferred: Deferred) -> None:
    event = await a_stored(connection)
    await Events(connection).ack({KEY: {"discord": 1}}, ["discord"], {KEY: 1})
    assert {} == (await standing(connection)).acks
    await deferred.fire([event])
    await Events(connection).ack({KEY: {"discord": 1}}, ["discord"], {KEY: 1})
    settled = await standing(connection)
    assert (["discord"], None) == (list(settled.acks), settled.due_at)


async def test_one_told_late_is_remembered_from_then_on(connection: Connection, deferred: Deferred) -> None:
    event = await a_stored(connection)
    await deferred.fire([event])
    await Events(connection).ack({KEY: {"discord": 1}}, ["discord"], {KEY: 1})
    before, after = event.received_at + timedelta(minutes=30), (event.due_at or event.time) + timedelta(seconds=1)
    assert before < after
    assert [] == await Events(connection).past("sign_up", before, "", 10)
    assert [KEY] == await Events(connection).past("sign_up", after, "", 10)


async def test_one_brought_forward_to_now_is_remembered_from_then_on(
    connection: Connection, deferred: Deferred
) -> None:
    first = await a_stored(connection)
    now = first.received_at + timedelta(minutes=30)
    told = new_event(
        key=KEY, type="sign_up", distinct_id="u1", properties={}, source="", receipt="r2",
        order=micros(now), received=now, revision=2,
    )  # fmt: skip
    assert told is await deferred.revise(told)
    await deferred.fire([told])
    await Events(connection).ack({KEY: {"discord": 1}}, ["discord"], {KEY: 2})
    assert [] == await Events(connection).past("sign_up", now - timedelta(minutes=1), "", 10)
    assert [KEY] == await Events(connection).past("sign_up", now + timedelta(minutes=1), "", 10)
