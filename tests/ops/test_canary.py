"""How far a canary has come is read from what each daemon leaves behind."""

from datetime import timedelta

import pytest

from telemetry.core.canary import as_canary
from telemetry.core.delivery import Delivery, Signal
from telemetry.core.event import Event
from telemetry.ops.canary import Errand, Progress, permitted, progress
from telemetry.store.attempts import Attempt, Attempts
from telemetry.store.canaries import Canaries
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.registry import Registry
from tests.facts import a_delivery, an_event

TEST = "discord:7"
ERRAND = Errand("canary-1", TEST, "ticket")


async def standing(connection: Connection) -> Progress | None:
    """Say how far it is."""
    return (await progress(connection, ERRAND, ["sign_up"])).get("sign_up")


async def said(connection: Connection) -> tuple[str, str]:
    """Say where it is, and why."""
    at = await standing(connection)
    assert at is not None
    return at.stage, at.said


async def taken(connection: Connection) -> Event:
    """Store it, as ingest does."""
    canary = as_canary(an_event("sign_up:canary-1"), TEST)
    await Events(connection).insert([canary])
    return canary


async def offered(connection: Connection) -> Delivery:
    """Put it in the queue, as the watcher does."""
    canary = await taken(connection)
    row = a_delivery(canary, TEST)
    await Deliveries(connection, "discord").offer([row])
    await Events(connection).ack({canary.key: {"discord": 1}}, ["discord"])
    return row


async def test_what_ingest_has_not_taken_is_nowhere(connection: Connection) -> None:
    assert await standing(connection) is None


async def test_at_the_watcher_it_is_said_why_nobody_takes_it_over(connection: Connection) -> None:
    canary = await taken(connection)
    assert ("watcher", "the consumer discord is not registered: no watcher has run it") == await said(connection)
    await Registry(connection).register("discord")
    assert ("watcher", "no watcher has taken it over") == await said(connection)
    await Events(connection).ack({canary.key: {"discord": 0}}, ["discord"])
    assert ("watcher", "discord tells nobody of this type, by the watcher's file") == await said(connection)


async def test_in_the_queue_it_waits_for_a_courier(connection: Connection) -> None:
    await offered(connection)
    assert ("queue", "no courier has taken it up") == await said(connection)


async def test_at_the_courier_its_last_try_is_told(connection: Connection) -> None:
    row = await offered(connection)
    await Attempts(connection).append([Attempt(row.id, connection.clock.now(), "retry", "busy", "bot-1")])
    assert ("courier", "pending: busy") == await said(connection)


@pytest.mark.parametrize(("signal", "words"), [(Signal.PARK, "parked: no"), (Signal.GIVE_UP, "dead: no")])
async def test_where_it_ended_is_told_with_the_reason(connection: Connection, signal: Signal, words: str) -> None:
    row = await offered(connection)
    await Deliveries(connection, "discord").settle([(row.id, 0)], signal, reason="no")
    assert ("courier", words) == await said(connection)


async def test_what_was_delivered_has_arrived(connection: Connection) -> None:
    row = await offered(connection)
    await Deliveries(connection, "discord").settle([(row.id, 0)], Signal.DONE, result={"message_id": "1"})
    at = await standing(connection)
    assert at is not None
    assert at.arrived


async def test_a_ticket_is_good_while_its_canaries_are_waited_for_and_leaves_nothing(connection: Connection) -> None:
    canaries = Canaries(connection)
    await canaries.admit("forgotten", TEST, connection.clock.now() - timedelta(seconds=1))
    async with permitted(connection, ERRAND, 1):
        assert {"ticket": TEST} == await canaries.destinations(["ticket", "guessed", "forgotten"])
    assert {} == await canaries.destinations(["ticket"])
    assert 0 == await connection["canaries"].count_documents({})
