"""What `explain` says of a delivery that a courier has yet to bring."""

from datetime import timedelta

from telemetry.core.delivery import Signal
from telemetry.core.pause import Pause
from telemetry.ops.explain import explain
from telemetry.store.channels import Block, Channels
from telemetry.store.claims import Claims
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.lanes import Lanes, Shut
from telemetry.store.pauses import Pauses
from tests.facts import a_delivery, an_event

DESTINATION = "webhook:crm"


async def ahead(connection: Connection) -> str:
    found = await explain(connection, "sign_up:u1")
    assert found is not None
    return next(line for line in found.ahead if DESTINATION in line)


async def test_it_says_when_a_failed_one_is_tried_again_and_why_it_failed(connection: Connection) -> None:
    claims, now = Claims(connection, "webhook"), connection.clock.now()
    delivery = a_delivery(an_event("sign_up:u1"), DESTINATION)
    await Deliveries(connection, "webhook").offer([delivery])
    assert "waits for its courier" in await ahead(connection)

    taken = await claims.take(delivery, "me", now + timedelta(seconds=30))
    assert taken is not None
    assert "a courier has it now" in await ahead(connection)

    later = now + timedelta(hours=1)
    await claims.put_back(taken, Signal.RETRY, later, failures=2, reason="it answered 500")
    said = await ahead(connection)
    assert f"waits until {later:%Y-%m-%d %H:%M:%S} UTC, after 2 failed tries, the last one: it answered 500" in said


async def test_it_says_that_a_destination_is_left_alone(connection: Connection) -> None:
    now = connection.clock.now()
    await Deliveries(connection, "webhook").offer([a_delivery(an_event("sign_up:u1"), DESTINATION)])
    lanes = Lanes(connection, "webhook")
    await lanes.acquire(DESTINATION, "me", 30)
    await lanes.note(DESTINATION, Shut(now + timedelta(minutes=5), "it answered 503"))
    assert f"{DESTINATION} is left alone (it answered 503), tried again at" in await ahead(connection)


async def test_it_says_when_a_channel_is_tried_with_which_it_was_parked(connection: Connection) -> None:
    queue, channels, now = Deliveries(connection, "discord"), Channels(connection), connection.clock.now()
    await queue.offer([a_delivery(an_event("sign_up:u1"))])
    await channels.read("1")
    await channels.block("1", Block("Missing Access", now + timedelta(minutes=5), 3))
    await queue.park_all("discord:1", "Missing Access", "channel")

    found = await explain(connection, "sign_up:u1")

    assert found is not None
    assert "it comes back by itself with discord:1, which is tried again at" in found.ahead[-1]
    assert found.next_at is not None
    assert timedelta(minutes=4) < found.next_at - now <= timedelta(minutes=5)
    assert "sign_up:u1|discord:1: parked: Missing Access" in [one.what for one in found.timeline]


async def test_what_is_paused_has_no_next_time_before_that_ends(connection: Connection) -> None:
    now = connection.clock.now()
    row = a_delivery(an_event("sign_up:u1", due_at=now + timedelta(minutes=5)), DESTINATION)
    await Deliveries(connection, "webhook").offer([row])
    await Pauses(connection).pause(DESTINATION, Pause("ada", now, "moving"))

    found = await explain(connection, "sign_up:u1")

    assert found is not None
    assert found.next_at is None
    assert "waits: paused by ada: moving" in await ahead(connection)


async def test_of_a_great_many_deliveries_it_shows_the_first_and_says_where_the_others_are(
    connection: Connection,
) -> None:
    event = an_event("sign_up:u1")
    rows = [a_delivery(event, f"webhook:e{number:03}") for number in range(150)]
    await Deliveries(connection, "webhook").offer(rows)
    found = await explain(connection, "sign_up:u1")
    assert found is not None
    assert [row.id for row in rows[:100]] == [row.id for row in found.deliveries["webhook"]]
    assert "`tellonce audit 'sign_up:u1'` goes through all of them" in found.ahead[-1]
