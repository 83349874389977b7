"""What comes of a handler's calls: its effect, its completion and what follows, whatever happens in between."""

import asyncio
import sys
from collections import Counter
from typing import Any

import anyio
import pytest

from consumers.handler import Context, Occasion, Reject
from consumers.handler.emission import Emissions
from consumers.handler.registration import Function, Registration
from telemetry.core.delivery import Delivery, Signal, State
from telemetry.core.errors import UnavailableError
from telemetry.core.event import Event
from telemetry.store.replays import Replays
from tests.consumers.handler.conftest import NAME, Workshop, a_handler
from tests.until import PATIENCE, until

KEY = "campaign_closing:c1"


def winners(*subjects: str, calls: list[int] | None = None, **options: Any) -> Registration:
    """Make a handler that finds these winners."""

    async def find(_event: Occasion, ctx: Context) -> None:
        if calls is not None:
            calls.append(ctx.attempt)
        for subject in subjects:
            ctx.emit("winner_found", subject=subject, properties={"prize": "a book"})

    return a_handler(find, **options)


async def subjects_of(workshop: Workshop) -> list[str]:
    return [event.distinct_id for event in await workshop.emitted()]


async def claimed(workshop: Workshop, handler: Registration, key: str = KEY) -> Delivery:
    """Have a delivery claimed by a courier whose claim lapses at once, as if that had been killed."""
    (delivery,) = await workshop.offer(handler, key)
    taken = await workshop.claims.take(delivery, "the dead one", workshop.connection.clock.now())
    assert taken is not None
    return taken


def follow_ups(taken: Delivery, *subjects: str) -> list[Event]:
    """Make the events that the dead one has emitted."""
    assert taken.ready_at is not None
    emissions = Emissions(NAME, taken, taken.ready_at)
    for subject in subjects:
        emissions.add("winner_found", subject, {"prize": "a book"}, None)
    return emissions.events("msg_1", taken.ready_at)


async def completed(workshop: Workshop, taken: Delivery, emits: list[Event]) -> None:
    """Complete a delivery, as the dead one has."""
    within = workshop.completions.transaction()
    assert await workshop.completions.complete(taken, "the dead one", {"id": "msg_1"}, emits, within)


async def test_what_a_handler_emits_follows_its_completion_once_a_subject(workshop: Workshop) -> None:
    """
    The normal flow: each winner is told of once, and the handler is called once.
    """
    calls: list[int] = []
    handler = winners("ann", "bob", "ann", calls=calls)
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler):
        await workshop.until_all(State.DELIVERED, KEY)
        await workshop.until_told()
        await workshop.offer(handler, KEY)
    events = await workshop.emitted()
    assert ["ann", "bob"] == [event.distinct_id for event in events]
    assert [1] == calls
    assert {"handler": NAME, "event": KEY} == events[0].origin
    assert f"handler:{NAME}" == events[0].source
    assert all(event.due_at is not None for event in events)


async def test_its_event_and_what_it_returns_are_as_they_were(workshop: Workshop) -> None:
    seen: list[Occasion] = []

    async def remember(event: Occasion, ctx: Context) -> dict[str, Any]:
        seen.append(event)
        assert event is ctx.event
        return {"number": 2, "a.b": {"$set": 1}}

    handler = a_handler(remember)
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler):
        await workshop.until_all(State.DELIVERED, KEY)
    assert [(KEY, "campaign_closing", "c1")] == [(event.key, event.type, event.distinct_id) for event in seen]
    assert seen[0].time.tzinfo is not None
    row = await workshop.row(KEY)
    assert row.result is not None
    assert {"number": 2, "a.b": {"$set": 1}}.items() <= row.result.items()


async def test_an_id_that_it_returns_is_kept(workshop: Workshop) -> None:
    async def numbered(_event: Occasion, _ctx: Context) -> dict[str, Any]:
        return {"id": "campaign-7"}

    handler = a_handler(numbered)
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler):
        await workshop.until_all(State.DELIVERED, KEY)
    assert {"id": "campaign-7"} == (await workshop.row(KEY)).result


@pytest.mark.parametrize("returned", [{"at": object()}, {"nan": float("nan")}, "text", {"large": "x" * 100_000}])
async def test_what_it_returns_and_cannot_be_kept_undoes_nothing(workshop: Workshop, returned: Any) -> None:
    async def odd(_event: Occasion, _ctx: Context) -> Any:
        return returned

    handler = a_handler(odd)
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler):
        await workshop.until_all(State.DELIVERED, KEY)
    assert 1 == len(await workshop.attempts(KEY))


async def test_success_after_a_failure_yields_one_event(workshop: Workshop) -> None:
    """
    What the failed try emitted is not told.
    """

    async def flaky(_event: Occasion, ctx: Context) -> None:
        ctx.emit("winner_found", subject="ann", properties={"try": ctx.attempt})
        if ctx.attempt == 1:
            raise RuntimeError("no luck")

    handler = a_handler(flaky, retries="0.05s")
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler):
        await workshop.until_all(State.DELIVERED, KEY)
        await workshop.until_told()
    (event,) = await workshop.emitted()
    assert {"try": 2} == event.properties
    assert ["retry", "delivered"] == [attempt.outcome for attempt in await workshop.attempts(KEY)]


async def test_a_handler_that_rejects_is_not_called_again(workshop: Workshop) -> None:
    calls: list[int] = []

    async def picky(_event: Occasion, ctx: Context) -> None:
        calls.append(ctx.attempt)
        ctx.emit("winner_found", subject="ann")
        raise Reject("no such campaign")

    handler = a_handler(picky)
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler):
        await workshop.until_all(State.DEAD, KEY)
    assert "no such campaign" == (await workshop.row(KEY)).reason
    assert [1] == calls
    assert [] == await workshop.emitted()


async def test_a_rejection_for_a_reason_that_no_row_can_hold_is_one(workshop: Workshop) -> None:
    async def picky(_event: Occasion, _ctx: Context) -> None:
        raise Reject("no \ud800" + "x" * 1000)

    handler = a_handler(picky)
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler):
        await workshop.until_all(State.DEAD, KEY)
    reason = (await workshop.row(KEY)).reason
    assert reason is not None
    assert reason.startswith("no \\ud800xxx")
    assert 500 < len(reason) < 510


async def exits(_event: Occasion, _ctx: Context) -> None:
    """End the process, as a command of somebody's does."""
    sys.exit(3)


async def waits_for_what_is_cancelled(_event: Occasion, _ctx: Context) -> None:
    """Wait for a task that somebody has cancelled."""
    waiting = asyncio.ensure_future(anyio.sleep_forever())
    waiting.cancel()
    await waiting


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (exits, "it wanted to end its process: SystemExit(3)"),
        (waits_for_what_is_cancelled, "something that was cancel"),
    ],
)
async def test_what_would_end_more_than_its_try_is_a_failed_try(
    workshop: Workshop, function: Function, said: str
) -> None:
    handler = a_handler(function, retries="")
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler):
        await workshop.until_all(State.DEAD, KEY)
    assert said in ((await workshop.row(KEY)).reason or "")


async def test_after_its_last_try_it_is_dead(workshop: Workshop) -> None:
    async def broken(_event: Occasion, _ctx: Context) -> None:
        raise RuntimeError("a bug")

    handler = a_handler(broken, retries="0.05s,0.05s")
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler):
        await workshop.until_all(State.DEAD, KEY)
    assert "failed: RuntimeError('a bug'); given up after 3 tries" == (await workshop.row(KEY)).reason


async def test_a_handler_over_its_time_is_cut_off_and_that_is_a_failed_try(workshop: Workshop) -> None:
    async def hangs(_event: Occasion, ctx: Context) -> None:
        ctx.emit("winner_found", subject="ann")
        await anyio.sleep_forever()

    handler = a_handler(hangs, retries="", timeout="0.1s")
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler):
        await workshop.until_all(State.DEAD, KEY)
    assert "no outcome within 0.1 s; given up after 1 tries" == (await workshop.row(KEY)).reason
    assert [] == await workshop.emitted()


async def test_two_couriers_call_a_handler_that_outlasts_its_lease_once(workshop: Workshop) -> None:
    """
    Its claim is renewed while it runs, so nobody takes it over.
    """
    calls: list[int] = []

    async def slow(_event: Occasion, ctx: Context) -> None:
        calls.append(ctx.attempt)
        await anyio.sleep(4.5)
        ctx.emit("winner_found", subject="ann")

    handler = a_handler(slow, timeout="20s")
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler), workshop.courier(handler):
        await workshop.until_all(State.DELIVERED, KEY)
        await workshop.until_told()
    assert [1] == calls
    assert ["ann"] == await subjects_of(workshop)


async def test_a_handler_whose_claim_was_taken_over_ends_and_completes_nothing(workshop: Workshop) -> None:
    """
    The fence holds, and the skip is counted.
    """
    ended: list[str] = []

    async def slow(_event: Occasion, ctx: Context) -> None:
        if ctx.attempt > 1:
            return
        try:
            ctx.emit("winner_found", subject="ann")
            began.set()
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            ended.append("cancelled")
            raise

    began = anyio.Event()
    handler = a_handler(slow, timeout="20s")
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler) as desk:
        await began.wait()
        # As if this process had slept past its lease while another took the delivery.
        assert await workshop.claims.take(await workshop.row(KEY), "another", workshop.connection.clock.now())
        await workshop.until_all(State.DELIVERED, KEY)
        assert 1 == desk.metrics.stale._value.get()
    assert ["cancelled"] == ended
    assert [] == await workshop.emitted()


async def test_three_invocations_at_once_complete_once(workshop: Workshop) -> None:
    """
    Even where every look beforehand was blind, the claim decides who completes.
    """
    handler = winners("ann")
    taken = await claimed(workshop, handler)
    outcomes = []

    async def complete(holder: str, delivery: Delivery) -> None:
        within = workshop.completions.transaction()
        emits = follow_ups(taken, holder)
        outcomes.append(await workshop.completions.complete(delivery, holder, {"id": "1"}, emits, within))

    second = await workshop.claims.take(taken, "second", workshop.connection.clock.now())
    assert second is not None
    third = await workshop.claims.take(second, "third", workshop.connection.clock.now())
    assert third is not None
    async with anyio.create_task_group() as group:
        for holder, delivery in (("the dead one", taken), ("second", second), ("third", third)):
            group.start_soon(complete, holder, delivery)
    assert [False, False, True] == sorted(outcomes)
    async with workshop.courier(handler):
        await workshop.until_told()
    assert ["third"] == await subjects_of(workshop)


async def test_killed_before_it_completed_a_handler_is_called_again_and_each_winner_is_told_once(
    workshop: Workshop,
) -> None:
    calls: list[int] = []
    handler = winners("ann", "bob", calls=calls)
    await claimed(workshop, handler)
    async with workshop.courier(handler):
        await workshop.until_all(State.DELIVERED, KEY)
        await workshop.until_told()
    assert [2] == calls
    assert ["ann", "bob"] == await subjects_of(workshop)


@pytest.mark.parametrize("told", [0, 1, 2])
async def test_killed_between_completion_and_telling_the_next_courier_tells_the_rest(
    workshop: Workshop, told: int
) -> None:
    """
    The handler is not called again, and what was told before stays as it is.
    """
    calls: list[int] = []
    handler = winners("nobody", calls=calls)
    taken = await claimed(workshop, handler)
    emits = follow_ups(taken, "ann", "bob")
    await completed(workshop, taken, emits)
    if told:
        await workshop.events.insert(emits[:told])
    assert {KEY} == await workshop.queue.unfinished([KEY])
    async with workshop.courier(handler):
        await workshop.until_told()
    assert [] == calls
    assert ["ann", "bob"] == await subjects_of(workshop)
    assert set() == await workshop.queue.unfinished([KEY])
    assert State.DELIVERED is (await workshop.row(KEY)).state


async def test_what_was_told_is_not_told_again_though_its_row_still_says_so(workshop: Workshop) -> None:
    handler = winners("nobody")
    taken = await claimed(workshop, handler)
    emits = follow_ups(taken, "ann")
    await completed(workshop, taken, emits)
    await workshop.events.insert(emits)
    first = await workshop.emitted()
    async with workshop.courier(handler), workshop.courier(handler):
        await workshop.until_told()
    assert first == await workshop.emitted()


async def test_subjects_side_by_side_do_not_mix(workshop: Workshop) -> None:
    """
    Each event has its own follow-up, whatever runs beside it.
    """
    keys = [f"campaign_closing:c{number}" for number in range(12)]

    async def find(event: Occasion, ctx: Context) -> None:
        ctx.emit("winner_found", subject="ann", properties={"campaign": event.distinct_id})
        await anyio.sleep(0.01)
        ctx.emit("winner_found", subject=event.distinct_id, properties={"campaign": event.distinct_id})

    handler = a_handler(find, concurrency=6)
    await workshop.offer(handler, *keys)
    async with workshop.courier(handler), workshop.courier(handler):
        await workshop.until_all(State.DELIVERED, *keys)
        await workshop.until_told()
    events = await workshop.emitted()
    assert Counter({f"c{number}": 2 for number in range(12)}) == Counter(
        event.properties["campaign"] for event in events
    )
    assert 12 == sum(event.distinct_id == "ann" for event in events)


async def test_a_stop_gives_a_long_try_some_time_and_then_lets_it_go_at_no_cost(workshop: Workshop) -> None:
    began = anyio.Event()

    async def endless(_event: Occasion, ctx: Context) -> None:
        ctx.emit("winner_found", subject="ann")
        began.set()
        await anyio.sleep_forever()

    handler = a_handler(endless, timeout="10m")
    await workshop.offer(handler, KEY)
    with anyio.fail_after(PATIENCE):
        async with workshop.courier(handler, carry_timeout=0.3):
            await began.wait()
    row = await workshop.row(KEY)
    assert (State.PENDING, 0) == (row.state, row.failures)
    assert [] == await workshop.emitted()


async def test_without_a_database_a_long_try_ends_with_its_lease(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> bool:
        raise UnavailableError("the database is away")

    ended: list[int] = []

    async def endless(_event: Occasion, ctx: Context) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(ctx.attempt)

    handler = a_handler(endless, timeout="10m")
    monkeypatch.setattr(workshop.claims, "renew", away)
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler, carry_timeout=0.3):

        async def ended_once() -> bool:
            """The try has ended."""
            return bool(ended)

        await until(ended_once)
    assert 1 == ended[0]


@pytest.mark.parametrize("again", [("cid",), ()])
async def test_told_anew_before_its_first_winners_were_told_it_loses_none(
    workshop: Workshop, again: tuple[str, ...]
) -> None:
    handler = winners(*again)
    taken = await claimed(workshop, handler)
    await completed(workshop, taken, follow_ups(taken, "ann", "bob"))
    now = workshop.connection.clock.now()
    assert 1 == await workshop.queue.settle([(taken.id, 0)], Signal.REPLAY, generation=1, ready_at=now)
    async with workshop.courier(handler):
        await workshop.until_all(State.DELIVERED, KEY)
        await workshop.until_told()
    assert sorted(("ann", "bob", *again)) == sorted(await subjects_of(workshop))


async def test_told_once_more_a_handler_is_called_once_more_and_emits_anew(workshop: Workshop) -> None:
    calls: list[int] = []
    handler = winners("ann", calls=calls)
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler):
        await workshop.until_all(State.DELIVERED, KEY)
        await workshop.until_told()
        at = await workshop.connection.moment()
        assert await Replays(workshop.connection, NAME).tell_again(await workshop.row(KEY), "one", at)
        await workshop.until_all(State.DELIVERED, KEY)
        await workshop.until_told()
    assert 2 == len(calls)
    assert ["ann", "ann"] == await subjects_of(workshop)


async def test_what_follows_from_a_delivery_is_told_before_it_is_told_once_more(workshop: Workshop) -> None:
    handler = winners("ann")
    taken = await claimed(workshop, handler)
    await completed(workshop, taken, follow_ups(taken, "ann"))
    at = await workshop.connection.moment()
    assert not await Replays(workshop.connection, NAME).tell_again(taken, "one", at)


async def test_what_a_handler_asks_for_holds_for_all_couriers_though_it_outlasts_the_lanes_lease(
    workshop: Workshop,
) -> None:
    """
    Of two couriers the one that serves the lane keeps it while it is at work.
    """
    under_way, most = [0], [0]

    async def slow(_event: Occasion, _ctx: Context) -> None:
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        await anyio.sleep(2.8)
        under_way[0] -= 1

    handler = a_handler(slow, timeout="20s", concurrency=1)
    await workshop.offer(handler, KEY, "campaign_closing:c2")
    async with workshop.courier(handler), workshop.courier(handler):
        await workshop.until_all(State.DELIVERED, KEY, "campaign_closing:c2")
    assert [1] == most
