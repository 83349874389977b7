"""How a destination is served: so many at once, in order, at its pace, left alone, closed and opened again."""

from typing import Any

import anyio
import pytest

from telemetry.core.backoff import Schedule
from telemetry.core.carrier import Errand, Terms
from telemetry.core.delivery import State
from telemetry.core.outcome import Delivered, Outcome, Parked, Retry
from telemetry.store.lanes import Shut
from tests.courier.conftest import HOUSE, Office
from tests.until import until

SOON = Schedule((0.05,) * 20)


async def slow(seconds: float = 0.1) -> Outcome:
    await anyio.sleep(seconds)
    return Delivered()


def keys(number: int, first: int = 0) -> list[str]:
    return [f"sign_up:u{n:03}" for n in range(first, first + number)]


@pytest.mark.parametrize("most", [1, 3])
async def test_no_more_are_on_their_way_than_the_destination_takes(office: Office, most: int) -> None:
    office.postman.asked = Terms(concurrency=most)
    office.postman.does = lambda _: slow()
    await office.offer(*keys(8))
    async with office.courier():
        await office.until_all(State.DELIVERED, *keys(8))
    assert most == office.postman.most_under_way


async def test_two_couriers_together_hold_what_one_destination_asks_for(office: Office) -> None:
    office.postman.asked = Terms(concurrency=2)
    office.postman.does = lambda _: slow()
    async with office.courier(holder="courier-1"), office.courier(holder="courier-2"):
        await office.offer(*keys(12))
        await office.until_all(State.DELIVERED, *keys(12))
    assert 2 == office.postman.most_under_way
    assert sorted(keys(12)) == sorted(office.postman.carried)


async def test_a_destination_passes_to_another_courier_when_its_own_stops(office: Office) -> None:
    async with office.courier(holder="courier-2"):
        async with office.courier(holder="courier-1"):
            await office.offer(*keys(1))
            await office.until_all(State.DELIVERED, *keys(1))
        await office.offer(*keys(1, 1))
        await office.until_all(State.DELIVERED, *keys(1, 1))
    assert keys(2) == office.postman.carried


async def test_within_a_group_order_holds_across_failures_and_other_groups_go_on(office: Office) -> None:
    first, refused = keys(1)[0], True

    def carry(errand: Errand) -> Outcome:
        return Retry("not yet") if refused and errand.delivery.event == first else Delivered()

    office.postman.asked = Terms(ordered=True, schedule=Schedule((0.3,) * 1000))
    office.postman.does = carry
    await office.offer(*keys(4), group="one")
    await office.offer(*keys(4, 10), group="two")
    async with office.courier():
        await office.until_all(State.DELIVERED, *keys(4, 10))
        assert {first} == {key for key in office.postman.carried if key in keys(4)}
        refused = False
        await office.until_all(State.DELIVERED, *keys(4))
    assert keys(4) == list(dict.fromkeys(key for key in office.postman.carried if key in keys(4)))
    assert keys(4, 10) == [key for key in office.postman.carried if key in keys(4, 10)]


async def test_a_long_line_does_not_keep_others_waiting(office: Office) -> None:
    office.postman.asked = Terms(ordered=True, schedule=Schedule((60.0,)))
    office.postman.does = lambda errand: Delivered() if errand.delivery.group == "two" else Retry("not yet")
    await office.offer(*keys(60), group="one")
    await office.offer(*keys(3, 100), group="two")
    async with office.courier():
        await office.until_all(State.DELIVERED, *keys(3, 100))
    assert {keys(1)[0]} == {key for key in office.postman.carried if key in keys(60)}


async def test_without_order_a_failed_one_keeps_nobody_waiting(office: Office) -> None:
    first = keys(1)[0]
    office.postman.asked = Terms(concurrency=1, schedule=Schedule((60.0,)))
    office.postman.does = lambda errand: Retry("not yet") if errand.delivery.event == first else Delivered()
    await office.offer(*keys(4), group="one")
    async with office.courier():
        await office.until_all(State.DELIVERED, *keys(3, 1))
    assert keys(4) == office.postman.carried


async def test_a_rate_is_kept(office: Office) -> None:
    office.postman.asked = Terms(rate=20.0)
    await office.offer(*keys(10))
    began = anyio.current_time()
    async with office.courier():
        await office.until_all(State.DELIVERED, *keys(10))
    assert anyio.current_time() - began >= 9 / 20


async def test_after_failures_in_a_row_a_destination_is_left_alone_and_then_tried_with_one(office: Office) -> None:
    well = anyio.Event()
    office.postman.asked = Terms(concurrency=3, schedule=SOON)
    office.postman.does = lambda _: Delivered() if well.is_set() else Retry("down")
    await office.offer(*keys(30))
    async with office.courier(courier_failures=4, courier_rest=0.4) as desk:

        async def is_shut() -> bool:
            """The lane's row says so."""
            return HOUSE in await office.lanes.shut()

        await until(is_shut)
        tried = len(office.postman.carried)
        assert 4 <= tried <= 4 + 2, "those that were on their way already may end too"
        await until(lambda: _more_than(office, tried))
        assert office.postman.under_way <= 1
        well.set()
        await office.until_all(State.DELIVERED, *keys(30))
        assert not await is_shut()
        assert desk.metrics.shut._value.get() >= 2


async def _more_than(office: Office, tried: int) -> bool:
    """It is tried again."""
    return len(office.postman.carried) > tried


async def test_a_successor_leaves_alone_what_its_predecessor_did(office: Office) -> None:
    office.postman.asked = Terms(schedule=SOON)
    office.postman.does = lambda _: Retry("down")
    await office.offer(*keys(9))
    settings: dict[str, Any] = {"courier_failures": 2, "courier_rest": 30.0}
    async with office.courier(holder="courier-1", **settings):
        await until(office.lanes.shut)
    tried = len(office.postman.carried)
    async with office.courier(holder="courier-2", **settings):
        await anyio.sleep(1.0)
    assert tried == len(office.postman.carried)


async def test_a_destination_that_an_operator_has_tried_again_is_tried_at_once(office: Office) -> None:
    office.postman.asked = Terms(schedule=Schedule((0.01, 3600.0)))
    office.postman.does = lambda _: Retry("down") if len(office.postman.carried) < 3 else Delivered()
    await office.offer(*keys(2))
    async with office.courier(courier_failures=2, courier_rest=3600.0):
        await until(office.lanes.shut)
        await office.lanes.note(HOUSE, None)
        await until(lambda: _more_than(office, 2))


async def test_other_destinations_do_not_notice(office: Office) -> None:
    office.postman.asked = Terms(schedule=SOON)
    office.postman.does = lambda errand: Retry("down") if errand.delivery.destination == HOUSE else Delivered()
    await office.offer(*keys(5))
    await office.offer(*keys(5, 10), to="parcel:elsewhere")
    async with office.courier():
        await office.until_all(State.DELIVERED, *keys(5, 10))


async def test_what_waits_for_a_closed_destination_is_parked_and_comes_back_when_it_opens(office: Office) -> None:
    office.postman.closed[HOUSE] = "nobody at home"
    await office.offer(*keys(2))
    async with office.courier():
        await office.until_all(State.PARKED, *keys(2))
        assert "nobody at home" == (await office.row(keys(1)[0])).reason
        await office.offer(*keys(1, 2))
        await office.until_all(State.PARKED, *keys(1, 2))
        assert [] == office.postman.carried
        office.postman.closed.clear()
        await office.until_all(State.DELIVERED, *keys(3))
    assert keys(3) == sorted(office.postman.carried)


async def test_what_waited_for_a_later_try_comes_back_at_once(office: Office) -> None:
    office.postman.asked = Terms(schedule=Schedule((3600.0,)))
    office.postman.does = lambda _: Retry("not yet") if len(office.postman.carried) == 1 else Delivered()
    await office.offer(*keys(1))
    async with office.courier():
        await until(lambda: office.attempts(keys(1)[0]))
        office.postman.closed[HOUSE] = "nobody at home"
        await office.until_all(State.PARKED, *keys(1))
        office.postman.closed.clear()
        await office.until_all(State.DELIVERED, *keys(1))


async def test_a_parked_delivery_that_needs_a_person_stays_when_its_destination_is_open(office: Office) -> None:
    office.postman.does = lambda _: Parked("look at this")
    await office.offer(*keys(1))
    async with office.courier():
        await office.until_all(State.PARKED, *keys(1))
        await anyio.sleep(1.0)
    assert keys(1) == office.postman.carried


async def test_the_next_in_a_line_goes_as_soon_as_the_one_before_it_is_done(office: Office) -> None:
    office.postman.asked = Terms(ordered=True)
    await office.offer(*keys(12), group="one")
    async with office.courier(courier_lease=600.0, courier_poll=600.0):
        await office.until_all(State.DELIVERED, *keys(12))
    assert keys(12) == office.postman.carried


async def test_a_note_that_takes_its_time_does_not_have_the_destination_tried_before(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = office.lanes.note

    async def slowly(destination: str, shut: Shut | None) -> None:
        await anyio.sleep(0.5)
        await note(destination, shut)

    monkeypatch.setattr(office.lanes, "note", slowly)
    office.postman.asked = Terms(concurrency=2, schedule=SOON)
    office.postman.does = lambda _: Retry("down")
    await office.offer(*keys(8))
    async with office.courier(courier_failures=2, courier_rest=60.0):
        await until(office.lanes.shut)
        await anyio.sleep(0.5)
    assert len(office.postman.carried) <= 3
