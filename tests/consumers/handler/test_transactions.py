"""What a handler writes with `ctx.session` and its completion: both, or neither."""

from typing import Any

import anyio
import pytest
from motor.motor_asyncio import AsyncIOMotorClientSession as Session
from pymongo.errors import AutoReconnect

from consumers.handler import Context, Occasion
from consumers.handler.registration import Registration
from telemetry.core.delivery import State
from telemetry.store.transaction import Transaction
from tests.consumers.handler.conftest import Workshop, a_handler

KEY = "campaign_closing:c1"


@pytest.fixture
async def campaigns(workshop: Workshop) -> Any:
    """A collection of the user's own."""
    rows = workshop.connection.database["campaigns"]
    await rows.insert_one({"_id": "c1", "closed": 0})
    return rows


def closing(**options: Any) -> Registration:
    """Make a handler that counts how often a campaign is closed."""

    async def close(event: Occasion, ctx: Context) -> None:
        await ctx.database["campaigns"].update_one(
            {"_id": event.distinct_id}, {"$inc": {"closed": 1}}, session=ctx.session
        )
        ctx.emit("campaign_closed", subject=event.distinct_id)

    return a_handler(close, **options)


async def test_both_stand(workshop: Workshop, campaigns: Any) -> None:
    handler = closing()
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler):
        await workshop.until_all(State.DELIVERED, KEY)
        await workshop.until_told()
    assert 1 == (await campaigns.find_one({"_id": "c1"}))["closed"]
    assert ["c1"] == [event.distinct_id for event in await workshop.emitted()]


async def test_what_a_failed_try_wrote_does_not_stand(workshop: Workshop, campaigns: Any) -> None:
    async def fails(_event: Occasion, ctx: Context) -> None:
        await ctx.database["campaigns"].update_one({"_id": "c1"}, {"$inc": {"closed": 1}}, session=ctx.session)
        if ctx.attempt == 1:
            raise RuntimeError("half-way")

    handler = a_handler(fails, retries="0.05s")
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler):
        await workshop.until_all(State.DELIVERED, KEY)
    assert 1 == (await campaigns.find_one({"_id": "c1"}))["closed"]


async def test_where_the_claim_is_gone_nothing_of_it_stands(workshop: Workshop, campaigns: Any) -> None:
    async def late(_event: Occasion, ctx: Context) -> None:
        rows = ctx.database["campaigns"]
        await rows.update_one({"_id": "c1"}, {"$inc": {"closed": 1}}, session=ctx.session)
        if ctx.attempt == 1:
            taken = await workshop.claims.take(await workshop.row(KEY), "another", workshop.connection.clock.now())
            assert taken is not None

    handler = a_handler(late)
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler) as desk:
        await workshop.until_all(State.DELIVERED, KEY)
        assert 3 == (await workshop.row(KEY)).claims
        assert 1 <= desk.metrics.late._value.get()
    assert 1 == [attempt.outcome for attempt in await workshop.attempts(KEY)].count("delivered")
    assert 1 == (await campaigns.find_one({"_id": "c1"}))["closed"]


async def test_one_that_met_another_is_done_again_at_no_cost(workshop: Workshop, campaigns: Any) -> None:
    async def meets(_event: Occasion, ctx: Context) -> None:
        rows = ctx.database["campaigns"]
        await rows.update_one({"_id": "c1"}, {"$inc": {"closed": 1}}, session=ctx.session)
        if ctx.attempt == 1:
            other = await Transaction(workshop.connection).open()
            try:
                await rows.update_one({"_id": "c1"}, {"$inc": {"closed": 100}}, session=other.session)
            finally:
                await other.close()

    handler = a_handler(meets, retries="")
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler):
        await workshop.until_all(State.DELIVERED, KEY)
    row = await workshop.row(KEY)
    assert (0, 1) == (row.failures, row.pauses)
    assert 1 == (await campaigns.find_one({"_id": "c1"}))["closed"]


async def test_one_that_always_meets_another_costs_tries_in_the_end(workshop: Workshop, campaigns: Any) -> None:
    async def meets(_event: Occasion, ctx: Context) -> None:
        rows = ctx.database["campaigns"]
        other = await Transaction(workshop.connection).open()
        try:
            await rows.update_one({"_id": "c1"}, {"$inc": {"closed": 100}}, session=other.session)
            await rows.update_one({"_id": "c1"}, {"$inc": {"closed": 1}}, session=ctx.session)
        finally:
            await other.close()

    handler = a_handler(meets, retries="")
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler, courier_pauses=1):
        await workshop.until_all(State.DEAD, KEY)
    assert 2 == (await workshop.row(KEY)).claims
    assert 0 == (await campaigns.find_one({"_id": "c1"}))["closed"]


async def test_a_commit_whose_answer_is_lost_is_made_again(
    workshop: Workshop, campaigns: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, lost = Session.commit_transaction, [1]

    async def loses(session: Session) -> None:
        await commit(session)
        if lost:
            lost.pop()
            error = AutoReconnect("the answer is lost")
            error._add_error_label("UnknownTransactionCommitResult")
            raise error

    monkeypatch.setattr(Session, "commit_transaction", loses)
    handler = closing()
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler):
        await workshop.until_all(State.DELIVERED, KEY)
        await workshop.until_told()
    assert not lost
    assert 1 == len(await workshop.attempts(KEY))
    assert 1 == (await campaigns.find_one({"_id": "c1"}))["closed"]
    assert 1 == len(await workshop.emitted())


async def test_a_session_that_nobody_asks_for_begins_nothing(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def plain(_event: Occasion, _ctx: Context) -> None:
        return

    def begins(*_: object) -> None:
        raise AssertionError("nobody asked for a transaction")

    monkeypatch.setattr(Session, "start_transaction", begins)
    handler = a_handler(plain)
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler):
        await workshop.until_all(State.DELIVERED, KEY)
    assert 1 == len(await workshop.attempts(KEY))


async def test_one_that_lasts_is_not_disturbed_by_the_renewal_of_its_claim(workshop: Workshop, campaigns: Any) -> None:
    """
    The row that completes it is part of it: a renewal beside it would be another that it met.
    """

    async def long(_event: Occasion, ctx: Context) -> None:
        await ctx.database["campaigns"].update_one({"_id": "c1"}, {"$inc": {"closed": 1}}, session=ctx.session)
        await anyio.sleep(1.2)

    handler = a_handler(long, timeout="20s")
    await workshop.offer(handler, KEY)
    async with workshop.courier(handler):
        await workshop.until_all(State.DELIVERED, KEY)
    row = await workshop.row(KEY)
    assert (1, 0) == (row.claims, row.pauses)


async def test_a_session_that_it_ended_itself_makes_a_failed_try_and_holds_up_no_other(
    workshop: Workshop, campaigns: Any
) -> None:
    async def ends(event: Occasion, ctx: Context) -> None:
        if event.key == KEY:
            async with ctx.session as session:
                await ctx.database["campaigns"].update_one({"_id": "c1"}, {"$inc": {"closed": 1}}, session=session)

    handler = a_handler(ends, retries="0.05s")
    await workshop.offer(handler, KEY, "campaign_closing:c2")
    async with workshop.courier(handler):
        await workshop.until_all(State.DEAD, KEY)
        await workshop.until_all(State.DELIVERED, "campaign_closing:c2")
    row = await workshop.row(KEY)
    assert (2, 2) == (row.claims, row.failures)
    assert "session" in (row.reason or "")
    assert 0 == (await campaigns.find_one({"_id": "c1"}))["closed"]
