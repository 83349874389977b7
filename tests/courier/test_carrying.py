"""What becomes of deliveries that a courier carries."""

import anyio
import pytest

from telemetry.core.backoff import Schedule
from telemetry.core.carrier import Errand, Terms
from telemetry.core.delivery import Delivery, Signal, State
from telemetry.core.errors import StaleError, UnavailableError
from telemetry.core.outcome import Dead, Delivered, Outcome, Parked, Retry, Unknown
from telemetry.store.attempts import Attempt
from tests.courier.conftest import HOUSE, Office
from tests.until import until

AT_ONCE = Terms(schedule=Schedule((0.01,) * 7))


async def test_what_waits_is_carried_once_and_its_row_stays(office: Office) -> None:
    await office.offer("sign_up:u1", "sign_up:u2")
    async with office.courier():
        await office.until_all(State.DELIVERED, "sign_up:u1", "sign_up:u2")
        await office.offer("sign_up:u1")
        await office.offer("sign_up:u3")
        await office.until_all(State.DELIVERED, "sign_up:u3")
    assert ["sign_up:u1", "sign_up:u2", "sign_up:u3"] == sorted(office.postman.carried)


async def test_what_comes_while_a_courier_runs_is_carried_at_once(office: Office) -> None:
    async with office.courier(courier_poll=600.0):
        await office.offer("sign_up:u1")
        await office.until_all(State.DELIVERED, "sign_up:u1")


async def test_a_failed_try_is_made_again_under_the_same_id(office: Office) -> None:
    outcomes: list[Outcome] = [Retry("no luck"), Unknown("no answer"), Delivered({"status": 200})]
    office.postman.asked = AT_ONCE
    office.postman.does = lambda _: outcomes.pop(0)
    await office.offer("sign_up:u1")
    async with office.courier():
        await office.until_all(State.DELIVERED, "sign_up:u1")
    assert 1 == len(set(office.postman.ids))
    assert 2 == (await office.row("sign_up:u1")).failures
    found = [(attempt.outcome, attempt.reason) for attempt in await office.attempts("sign_up:u1")]
    assert [("retry", "no luck"), ("unknown", "no answer"), ("delivered", "status 200")] == found


async def test_after_the_last_try_of_its_schedule_it_is_dead_and_the_others_go_on(office: Office) -> None:
    office.postman.asked = AT_ONCE
    office.postman.does = lambda errand: Retry("never") if errand.delivery.event == "sign_up:u1" else Delivered()
    await office.offer("sign_up:u1")
    async with office.courier():
        await office.until_all(State.DEAD, "sign_up:u1")
        await office.offer("sign_up:u2", to="parcel:elsewhere")
        await office.until_all(State.DELIVERED, "sign_up:u2")
    assert 8 == office.postman.carried.count("sign_up:u1")
    assert "never; given up after 8 tries" == (await office.row("sign_up:u1")).reason


@pytest.mark.parametrize(
    ("outcome", "state"), [(Dead("refused"), State.DEAD), (Parked("ask a person"), State.PARKED)], ids=str
)
async def test_what_cannot_succeed_is_not_tried_again(office: Office, outcome: Outcome, state: State) -> None:
    office.postman.does = lambda _: outcome
    await office.offer("sign_up:u1")
    async with office.courier():
        await office.until_all(state, "sign_up:u1")
        await office.offer("sign_up:u2")
        await office.until_all(state, "sign_up:u2")
    assert ["sign_up:u1", "sign_up:u2"] == office.postman.carried


async def test_a_pause_that_is_asked_for_is_kept_and_costs_nothing(office: Office) -> None:
    outcomes: list[Outcome] = [Retry("busy", after=0.5, costs=False), Delivered()]
    office.postman.does = lambda _: outcomes.pop(0)
    await office.offer("sign_up:u1")
    async with office.courier():
        await until(lambda: office.attempts("sign_up:u1"))
        waiting = await office.row("sign_up:u1")
        await office.until_all(State.DELIVERED, "sign_up:u1")
    first, second = await office.attempts("sign_up:u1")
    assert (0, 1) == (waiting.failures, waiting.pauses)
    assert 0.5 <= (second.at - first.at).total_seconds() < 5


async def test_pauses_beyond_a_bound_cost_tries(office: Office) -> None:
    office.postman.asked = Terms(schedule=Schedule((0.01,)))
    office.postman.does = lambda _: Retry("always busy", after=0.01, costs=False)
    await office.offer("sign_up:u1")
    async with office.courier(courier_pauses=3):
        await office.until_all(State.DEAD, "sign_up:u1")
    assert 3 + 2 == len(office.postman.carried)


async def test_a_carrier_that_raises_costs_a_try(office: Office) -> None:
    def breaks(_: Errand) -> Outcome:
        raise RuntimeError("a bug")

    office.postman.asked = Terms(schedule=Schedule(()))
    office.postman.does = breaks
    await office.offer("sign_up:u1")
    async with office.courier():
        await office.until_all(State.DEAD, "sign_up:u1")
    assert "a bug" in str((await office.row("sign_up:u1")).reason)


async def test_a_carrier_that_hangs_is_cut_off_and_nobody_knows_what_it_did(office: Office) -> None:
    office.postman.does = lambda _: anyio.sleep_forever()
    await office.offer("sign_up:u1")
    async with office.courier(carry_timeout=0.2):
        await until(lambda: office.attempts("sign_up:u1"))
    assert ["unknown"] == [attempt.outcome for attempt in await office.attempts("sign_up:u1")]


async def test_a_stop_waits_for_the_outcome(office: Office) -> None:
    began = anyio.Event()

    async def slowly() -> Outcome:
        began.set()
        await anyio.sleep(0.5)
        return Delivered()

    office.postman.does = lambda _: slowly()
    await office.offer("sign_up:u1")
    async with office.courier():
        await began.wait()
    assert State.DELIVERED is (await office.row("sign_up:u1")).state


async def test_nothing_is_carried_on_an_old_claim(office: Office) -> None:
    def late(errand: Errand) -> Outcome:
        if len(office.postman.carried) == 1:
            raise StaleError
        return Delivered()

    office.postman.does = late
    await office.offer("sign_up:u1")
    async with office.courier():
        await office.until_all(State.DELIVERED, "sign_up:u1")
    assert 0 == (await office.row("sign_up:u1")).failures


async def test_an_outcome_that_could_not_be_written_down_is_written_when_the_database_is_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, away = office.claims.finish, [True, True]

    async def finished(*args: object, **fields: object) -> bool:
        if away:
            away.pop()
            raise UnavailableError("the database is away")
        return await finish(*args, **fields)  # type: ignore[arg-type]

    monkeypatch.setattr(office.claims, "finish", finished)
    await office.offer("sign_up:u1")
    async with office.courier():
        await office.until_all(State.DELIVERED, "sign_up:u1")
    assert ["sign_up:u1"] == office.postman.carried


async def test_a_log_that_cannot_be_written_changes_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = office.desk()

    async def fails(_: list[Attempt]) -> None:
        raise UnavailableError("the log is full")

    monkeypatch.setattr(desk.attempts, "append", fails)
    await office.offer("sign_up:u1")
    async with office.courier(desk):
        await office.until_all(State.DELIVERED, "sign_up:u1")
    assert ["sign_up:u1"] == office.postman.carried
    assert 1 == desk.metrics.unlogged._value.get()


async def test_a_claim_whose_holder_ended_is_taken_over_when_it_lapses_and_the_log_says_so(office: Office) -> None:
    (delivery,) = await office.offer("sign_up:u1")
    now = office.connection.clock.now()
    assert await office.claims.take(delivery, "the dead one", now)
    async with office.courier():
        await office.until_all(State.DELIVERED, "sign_up:u1")
    found = [attempt.outcome for attempt in await office.attempts("sign_up:u1")]
    assert ["unknown", "delivered"] == found


async def claimed_by_two(office: Office) -> tuple[Delivery, Delivery]:
    """Have a delivery claimed by one courier, and when that claim has lapsed by another."""
    (delivery,) = await office.offer("sign_up:u1")
    now = office.connection.clock.now()
    first = await office.claims.take(delivery, "slow", now)
    assert first is not None
    second = await office.claims.take(first, "quick", now)
    assert second is not None
    return first, second


async def test_a_late_holder_settles_nothing(office: Office) -> None:
    first, second = await claimed_by_two(office)
    assert not await office.claims.finish(first, Signal.GIVE_UP, reason="late")
    assert State.LEASED is (await office.row("sign_up:u1")).state
    assert await office.claims.finish(second, Signal.DONE, result={"status": 200})


async def claimed_in_vain(office: Office, times: int) -> None:
    """Have a delivery claimed so often by couriers that end before they can say what came of it."""
    (poison,) = await office.offer("sign_up:u1")
    for _ in range(times):
        taken = await office.claims.take(poison, "doomed", office.connection.clock.now())
        assert taken is not None
        poison = taken


async def test_a_delivery_that_kills_its_courier_again_and_again_is_carried_alone_and_then_parked(
    office: Office,
) -> None:
    await claimed_in_vain(office, 3)
    await office.offer("sign_up:u2", "sign_up:u3")

    async def slowly() -> Outcome:
        alone.append(office.postman.under_way)
        await anyio.sleep(0.2)
        return Delivered()

    alone: list[int] = []
    office.postman.does = lambda errand: slowly() if errand.delivery.event == "sign_up:u1" else Delivered()
    async with office.courier(max_silent_claims=3):
        await office.until_all(State.DELIVERED, "sign_up:u1", "sign_up:u2", "sign_up:u3")
    assert [1] == alone


async def test_one_claim_more_without_any_outcome_parks_it(office: Office) -> None:
    await claimed_in_vain(office, 4)
    async with office.courier(max_silent_claims=3):
        await office.until_all(State.PARKED, "sign_up:u1")
    assert [] == office.postman.carried
    assert HOUSE == (await office.row("sign_up:u1")).destination


async def test_a_late_holder_that_has_delivered_spares_the_next_one_the_work(office: Office) -> None:
    first, second = await claimed_by_two(office)
    assert await office.claims.finish(first, Signal.DONE, result={"status": 200})
    assert not await office.claims.put_back(second, Signal.RETRY, office.connection.clock.now(), failures=1)
    assert State.DELIVERED is (await office.row("sign_up:u1")).state
