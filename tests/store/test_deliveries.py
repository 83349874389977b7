import pytest

from telemetry.core.clock import CLOCK_ERROR
from telemetry.core.delivery import Signal, State
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from tests.facts import LONG_AGO, a_delivery, an_event


@pytest.fixture
def queue(connection: Connection) -> Deliveries:
    return Deliveries(connection, "discord")


async def test_an_offer_is_repeated_without_effect_even_after_the_delivery_is_done(queue: Deliveries) -> None:
    delivery = a_delivery(an_event())
    await queue.offer([delivery])
    await queue.settle([(delivery.id, 0)], Signal.DONE, result={"message_id": "7"})

    await queue.offer([delivery, a_delivery(an_event("sign_up:u2"))])
    (row,) = await queue.of_event(delivery.event)
    assert State.DELIVERED is row.state
    assert [waiting.event for waiting in await queue.waiting("discord:1", 10)] == ["sign_up:u2"]


async def test_a_destination_is_drained_in_the_order_of_its_offers(queue: Deliveries) -> None:
    deliveries = [a_delivery(an_event(f"sign_up:u{n}")) for n in (3, 1, 2)]
    await queue.offer(deliveries)

    assert deliveries == await queue.waiting("discord:1", 10)


async def test_a_delivery_of_another_generation_is_not_settled(queue: Deliveries) -> None:
    delivery = a_delivery(an_event(), generation=1)
    await queue.offer([delivery])

    assert await queue.settle([(delivery.id, 0)], Signal.DONE) == 0
    assert await queue.settle([(delivery.id, 1)], Signal.DONE) == 1


async def test_a_state_that_the_table_gives_no_step_from_stays(queue: Deliveries) -> None:
    delivery = a_delivery(an_event())
    await queue.offer([delivery])
    await queue.settle([(delivery.id, 0)], Signal.DONE)

    assert await queue.settle([(delivery.id, 0)], Signal.GIVE_UP, reason="too late") == 0
    assert State.DELIVERED is (await queue.of_event(delivery.event))[0].state


async def test_a_late_receipt_heals_a_dead_delivery(queue: Deliveries) -> None:
    delivery = a_delivery(an_event())
    await queue.offer([delivery])
    await queue.settle([(delivery.id, 0)], Signal.GIVE_UP, reason="believed lost")

    assert await queue.settle([(delivery.id, 0)], Signal.DONE, result={"message_id": "7"}) == 1


async def test_an_events_deliveries_are_exactly_its_own(queue: Deliveries) -> None:
    await queue.offer([a_delivery(an_event(key)) for key in ("sign_up:u1", "sign_up:u11", "sign_up:u1:x", "sign_up:u")])

    assert [row.id for row in await queue.of_event("sign_up:u1")] == ["sign_up:u1|discord:1"]


async def test_what_a_channel_parked_comes_back_in_order(queue: Deliveries) -> None:
    deliveries = [a_delivery(an_event(f"sign_up:u{n}")) for n in range(3)]
    await queue.offer(deliveries)
    await queue.park_all("discord:1", "channel deleted", "channel")
    assert await queue.waiting("discord:1", 10) == []
    assert (await queue.count([State.PARKED]))[State.PARKED] == 3

    assert await queue.unpark("discord:1", "channel", LONG_AGO, limit=1) == 1
    assert [deliveries[0].id] == [row.id for row in await queue.waiting("discord:1", 10)]
    assert await queue.unpark("discord:1", "channel", LONG_AGO) == 2
    assert [row.id for row in deliveries] == [row.id for row in await queue.waiting("discord:1", 10)]


async def test_destinations_with_work_are_listed_and_others_are_not(queue: Deliveries) -> None:
    done, waiting = a_delivery(an_event()), a_delivery(an_event("sign_up:u2"), "discord:2")
    await queue.offer([done, waiting])
    await queue.settle([(done.id, 0)], Signal.DONE)

    assert await queue.destinations(State.PENDING) == ["discord:2"]


async def test_destinations_of_one_kind_are_listed_and_read_page_by_page(queue: Deliveries) -> None:
    users = [f"discord-user:{number}" for number in (1, 10, 12, 2, 3)]
    deliveries = [a_delivery(an_event(f"sign_up:u{n}"), user) for user in users for n in range(2)]
    await queue.offer([*deliveries, a_delivery(an_event(), "discord:2"), a_delivery(an_event(), "discord-users:1")])
    await queue.settle([(row.id, 0) for row in deliveries if row.destination == users[-1]], Signal.PARK)

    assert await queue.destinations_of(State.PENDING, "discord") == ["discord:2"]
    assert sorted(await queue.destinations_of(State.PENDING, "discord-user")) == users[:-1]
    found, last = list[str](), ""
    while page := await queue.destinations_after(State.PENDING, "discord-user", last, 3):
        assert len(page) <= 3
        found, last = found + page, page[-1]
    assert sorted(found) == users[:-1]


async def test_a_delivery_offered_dead_keeps_the_form_in_which_it_may_still_be_told(connection: Connection) -> None:
    row = a_delivery(an_event("sign_up:u1"), state=State.DEAD, rung=2, reason="its template fails")
    await Deliveries(connection, "discord").offer([row])
    (kept,) = await Deliveries(connection, "discord").fetch([row.id])
    assert 2 == kept.rung


async def test_a_retry_said_twice_puts_back_once_and_not_what_stands_again_since(
    queue: Deliveries, connection: Connection
) -> None:
    first, second = a_delivery(an_event()), a_delivery(an_event("sign_up:u2"))
    await queue.offer([first, second])
    await queue.settle([(first.id, 0), (second.id, 0)], Signal.GIVE_UP, reason="refused")
    began = await connection.moment()

    assert await queue.redrive_those([first.id], began) == 1
    # Killed before its answer was heard, the process that follows says the same again.
    assert await queue.redrive_those([first.id, second.id], began) == 1
    await queue.settle([(first.id, 0)], Signal.PARK, reason="a person must act")
    assert await queue.redrive_those([first.id], began) == 0
    (row,) = await queue.fetch([first.id])
    assert (State.PARKED, "a person must act") == (row.state, row.reason)


async def test_a_row_says_since_when_it_ended_or_stands_and_not_while_it_waits(
    queue: Deliveries, connection: Connection
) -> None:
    rows = [a_delivery(an_event(f"sign_up:u{n}")) for n in range(3)]
    before = connection.clock.now() - CLOCK_ERROR
    await queue.offer(rows)
    for row, signal in zip(rows, (Signal.DONE, Signal.GIVE_UP, Signal.PARK), strict=True):
        await queue.settle([(row.id, 0)], signal)
    after = await connection.moment()

    found = await queue.fetch([row.id for row in rows])
    assert all(row.since is not None and before < row.since < after for row in found)
    await queue.redrive({"_id": rows[1].id}, LONG_AGO)
    assert [None] == [row.since for row in await queue.fetch([rows[1].id])]
