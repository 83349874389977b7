"""What a holder does to a channel that it has lost changes nothing about what is in it."""

from datetime import timedelta
from typing import Any

import pytest

from bot.desk import Standing
from bot.settlement import Settlement
from bot.simulator.guild import Permissions
from bot.simulator.settings import COMMUNITY
from bot.verdict import Verdict
from telemetry.core.delivery import Signal, State
from telemetry.core.outcome import Dead
from telemetry.store.channels import Batch
from tests.bot.conftest import CHANNEL, Bench
from tests.until import until

SOON_FORGOTTEN: dict[str, Any] = {"nonce_window": 0.01}


async def post_and_die(bench: Bench, *keys: str) -> None:
    """Leave a batch that is in the channel, recorded, and settled by nobody."""
    bench.discord.faults.script(action="drop", when="after")
    await bench.offer(*keys)
    async with bench.bot(**SOON_FORGOTTEN, history_settle=60):
        await bench.until_requests(1)

        async def shown() -> bool:
            """It is in the channel."""
            return len(bench.shown()) == len(keys)

        await until(shown)
    assert [State.PENDING] * len(keys) == [await bench.state(key) for key in keys]


async def test_what_was_parked_with_its_channel_while_it_was_on_its_way_is_not_told_again(bench: Bench) -> None:
    await post_and_die(bench, "t:1", "t:2")
    await bench.queue.park_all(CHANNEL, "forbidden", "channel")
    await bench.offer("t:3")
    async with bench.bot(**SOON_FORGOTTEN):
        await bench.until_all(State.DELIVERED, "t:3")
        await bench.queue.unpark(CHANNEL, "channel", bench.connection.clock.now())
        await bench.offer("t:4")
        await bench.until_all(State.DELIVERED, "t:1", "t:2", "t:4")
    assert ["t:1", "t:2", "t:3", "t:4"] == bench.shown()


async def test_what_was_given_up_while_it_was_on_its_way_is_found_to_be_there(bench: Bench) -> None:
    (delivery, *_) = await bench.offer("t:1")
    await post_and_die(bench, "t:1")
    await bench.queue.settle([(delivery.id, 0)], Signal.GIVE_UP, reason="said by a late holder")
    await bench.offer("t:2")
    async with bench.bot(**SOON_FORGOTTEN):
        await bench.until_all(State.DELIVERED, "t:1", "t:2")
    assert ["t:1", "t:2"] == bench.shown()


async def test_all_of_a_batch_that_cannot_be_looked_for_remember_it_also_those_parked_with_their_channel(
    bench: Bench,
) -> None:
    await post_and_die(bench, "t:1", "t:2")
    await bench.queue.park_all(CHANNEL, "forbidden", "channel")
    channel = next(iter(bench.discord.channels))
    bench.discord.world.permit(channel, Permissions(history=False))
    await bench.offer("t:3")
    async with bench.bot(**SOON_FORGOTTEN):
        await bench.until_all(State.DELIVERED, "t:3")
        bench.discord.world.permit(channel, Permissions())
        await bench.queue.unpark(CHANNEL, "channel", bench.connection.clock.now())
        await bench.offer("t:4")
        await bench.until_all(State.DELIVERED, "t:1", "t:2", "t:4")
    assert ["t:1", "t:2", "t:3", "t:4"] == bench.shown()


@pytest.mark.parametrize("refusals", [1, 2])
async def test_a_batch_that_was_parked_unresolved_and_is_then_refused_is_taken_apart(
    bench: Bench, refusals: int
) -> None:
    channel = next(iter(bench.discord.channels))
    bench.discord.world.permit(channel, Permissions(history=False))
    bench.discord.faults.script(action="drop", when="before")
    await bench.offer("t:1", "t:2")
    async with bench.bot(**SOON_FORGOTTEN):
        await bench.until_all(State.PARKED, "t:1", "t:2")
        bench.discord.world.permit(channel, Permissions())
        bench.discord.faults.script(action="status", status=400, code=200000, times=refusals)
        await bench.queue.redrive({}, bench.connection.clock.now())
        await bench.offer("t:3")
        await bench.until_all(State.DELIVERED, "t:2" if refusals == 1 else "t:3", "t:3")
    assert sorted(bench.shown()) == sorted({"t:1", "t:2", "t:3"} - ({"t:1"} if refusals == 2 else set()))


async def test_a_holder_that_has_lost_the_channel_gives_nothing_up(bench: Bench) -> None:
    """
    It was refused, stopped, and woken: by now the same may be on its way again.
    """
    (delivery,) = await bench.offer("t:1")
    now = bench.connection.clock.now()
    batch = Batch(((delivery.id, 0),), "nonce", "bot", now, now, now)
    known = await bench.channels.read(str(COMMUNITY))
    assert await bench.channels.record(known, "another", batch, 60)
    async with bench.bot() as desk:
        late = Settlement(desk, Standing(str(COMMUNITY), row=known))
        await late.refused(batch, [delivery], Verdict(Dead("refused")))
        await late.park_unresolved(batch, [delivery], "unreadable")
        await late.part(batch, [delivery])
    assert State.PENDING is await bench.state("t:1")
    assert (await bench.channels.read(str(COMMUNITY))).block is None


async def test_a_later_try_is_neither_forgotten_nor_overwritten_by_what_is_known_of_an_earlier_one(
    bench: Bench,
) -> None:
    (delivery,) = await bench.offer("t:1")
    now = bench.connection.clock.now()
    later = now + timedelta(seconds=9)
    await bench.queue.remember([delivery.id], {"nonce": "n", "last_at": later})
    await bench.queue.remember([delivery.id], {"nonce": "n", "last_at": now})
    await bench.queue.forget_attempt([delivery.id], "n", now)
    await bench.queue.forget_attempt([delivery.id], "other", later)
    assert (await bench.row("t:1")).attempt is not None
    await bench.queue.forget_attempt([delivery.id], "n", later)
    assert (await bench.row("t:1")).attempt is None
