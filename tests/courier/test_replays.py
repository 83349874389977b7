"""A delivery that is told once more is carried once more, under an id of its own."""

from telemetry.core.carrier import Errand, Terms
from telemetry.core.delivery import Signal, State
from telemetry.core.outcome import Delivered, Outcome, Retry
from telemetry.courier.desk import Desk
from telemetry.store.replays import Replays
from tests.courier.conftest import CONSUMER, Office

KEYS = ("sign_up:u1", "sign_up:u2", "sign_up:u3")


async def told_again(office: Office, *keys: str) -> None:
    """Have deliveries that were told told once more."""
    at = await office.connection.moment()
    for key in keys:
        assert await Replays(office.connection, CONSUMER).tell_again(await office.row(key), "one", at)


async def test_it_is_carried_once_more_under_another_id(office: Office) -> None:
    await office.offer(*KEYS)
    async with office.courier():
        await office.until_all(State.DELIVERED, *KEYS)
        await told_again(office, KEYS[1])
        await office.until_all(State.DELIVERED, *KEYS)
    assert sorted((*KEYS, KEYS[1])) == sorted(office.postman.carried)
    assert 4 == len(set(office.postman.ids))


async def test_how_long_it_took_counts_from_when_it_was_asked_for_once_more(office: Office) -> None:
    await office.offer(KEYS[0])
    async with office.courier() as desk:
        await office.until_all(State.DELIVERED, KEYS[0])
    assert latency(desk) > 1000
    await told_again(office, KEYS[0])
    async with office.courier() as desk:
        await office.until_all(State.DELIVERED, KEYS[0])
    assert 0 < latency(desk) < 1000


def latency(desk: Desk) -> float:
    """Add up the latencies that a courier has measured."""
    return sum(
        sample.value
        for family in desk.metrics.latency.collect()
        for sample in family.samples
        if sample.name.endswith("_sum")
    )


async def test_a_failed_try_of_it_is_made_again_under_the_same_id(office: Office) -> None:
    await office.offer(KEYS[0])
    async with office.courier():
        await office.until_all(State.DELIVERED, KEYS[0])
    tries = [Retry("busy", after=0.1, costs=False), Delivered()]
    office.postman.does = lambda _: tries.pop(0)
    await told_again(office, KEYS[0])
    async with office.courier():
        await office.until_all(State.DELIVERED, KEYS[0])
    first, second, third = office.postman.ids
    assert second == third
    assert first != second


async def test_in_a_line_they_are_carried_in_their_order(office: Office) -> None:
    office.postman.asked = Terms(ordered=True)
    await office.offer(*KEYS, group="u")
    async with office.courier():
        await office.until_all(State.DELIVERED, *KEYS)
    await told_again(office, *reversed(KEYS))
    failed: list[str] = []

    def fails_once(errand: Errand) -> Outcome:
        if failed:
            return Delivered()
        failed.append(errand.delivery.event)
        return Retry("busy", after=0.2, costs=False)

    office.postman.does = fails_once
    async with office.courier():
        await office.until_all(State.DELIVERED, *KEYS)
    assert [*KEYS, KEYS[0], *KEYS] == office.postman.carried


async def test_a_courier_that_wakes_up_late_settles_no_later_generation(office: Office) -> None:
    await office.offer(KEYS[0])
    (found,) = await office.queue.fetch([(await office.row(KEYS[0])).id])
    now = office.connection.clock.now()
    asleep = await office.claims.take(found, "asleep", now)
    assert asleep is not None
    async with office.courier():
        await office.until_all(State.DELIVERED, KEYS[0])
    await told_again(office, KEYS[0])
    assert not await office.claims.finish(asleep, Signal.DONE, result={"id": "late"})
    assert State.PENDING is (await office.row(KEYS[0])).state
