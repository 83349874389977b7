"""A delivery that is told once more is one more message, whatever is lost on the way."""

from typing import Any

import pytest

from telemetry.core.delivery import State
from telemetry.store.replays import Replays
from tests.bot.conftest import Bench


async def told_again(bench: Bench, *keys: str) -> None:
    """Have deliveries that were told told once more."""
    at = await bench.connection.moment()
    for key in keys:
        assert await Replays(bench.connection, "discord").tell_again(await bench.row(key), f"of {at}", at)


async def test_it_is_posted_once_more_under_another_nonce_also_by_the_bot_that_posted_it(bench: Bench) -> None:
    await bench.offer("t:1")
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
        await told_again(bench, "t:1")
        await bench.until_all(State.DELIVERED, "t:1")
    assert ["t:1", "t:1"] == bench.shown()
    assert 2 == len({post.nonce for post in bench.posts()})

    async with bench.bot():
        await told_again(bench, "t:1")
        await bench.until_all(State.DELIVERED, "t:1")
    assert 3 == len(bench.shown())
    assert 2 == (await bench.row("t:1")).generation


async def test_who_posted_it_is_woken_to_post_it_once_more_and_to_try_it_again(bench: Bench) -> None:
    """
    No round comes within this test: what was read before is news again once an operator acts on it.
    """
    await bench.offer("t:1", "t:2")
    async with bench.bot(bot_poll=600.0):
        await bench.until_all(State.DELIVERED, "t:1", "t:2")
        await told_again(bench, "t:1")
        await bench.until_all(State.DELIVERED, "t:1")

        bench.discord.faults.script(action="status", status=400, code=200000, when="before")
        await bench.offer("t:3")
        await bench.until_all(State.DEAD, "t:3")
        await bench.queue.redrive({}, await bench.connection.moment())
        await bench.until_all(State.DELIVERED, "t:3")
    assert ["t:1", "t:2", "t:1", "t:3"] == bench.shown()


async def test_of_a_digest_only_what_is_meant_is_posted_once_more(bench: Bench) -> None:
    await bench.offer("t:1", "t:2", "t:3")
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1", "t:2", "t:3")
    await told_again(bench, "t:2")
    await bench.offer("t:4")
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1", "t:2", "t:3", "t:4")
    assert ["t:1", "t:2", "t:3", "t:2", "t:4"] == bench.shown()


@pytest.mark.parametrize("window", [60.0, 0.01], ids=["the nonce holds", "the history tells"])
@pytest.mark.parametrize(
    "fault", [{"action": "drop", "when": "after"}, {"action": "drop", "when": "before"}], ids=["posted", "not posted"]
)
async def test_a_lost_answer_about_it_is_no_third_message(bench: Bench, fault: dict[str, Any], window: float) -> None:
    await bench.offer("t:1")
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
    await told_again(bench, "t:1")
    bench.discord.faults.script(**fault)
    async with bench.bot(nonce_window=window):
        await bench.until_all(State.DELIVERED, "t:1")
    assert ["t:1", "t:1"] == bench.shown()


async def test_a_retry_of_what_was_told_once_more_and_parked_stays_that_message(bench: Bench) -> None:
    await bench.offer("t:1")
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
    await told_again(bench, "t:1")
    row = await bench.row("t:1")
    await bench.queue.park_all(row.destination, "a person must look", "nothing")
    assert 1 == await bench.queue.redrive_those([row.id], await bench.connection.moment())
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
    assert 1 == (await bench.row("t:1")).generation
    assert 2 == len(bench.shown())
