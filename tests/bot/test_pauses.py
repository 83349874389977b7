"""Nothing is posted where an operator has paused it, and all of it afterwards, each once."""

from datetime import timedelta

from bot.simulator.settings import COMMUNITY
from telemetry.core.delivery import State
from telemetry.core.pause import Pause
from telemetry.store.channels import Block
from telemetry.store.pauses import Pauses
from telemetry.store.registry import Registry
from tests.bot.conftest import CHANNEL, Bench, OpenBench

OTHER = 700000000000000001


def a_pause(bench: Bench, seconds: float | None = None) -> Pause:
    now = bench.connection.clock.now()
    return Pause("ada", now, "maintenance", None if seconds is None else now + timedelta(seconds=seconds))


async def test_a_paused_channel_keeps_what_waits_and_the_others_go_on(open_bench: OpenBench) -> None:
    async with open_bench(channels={COMMUNITY: "community", OTHER: "other"}) as bench:
        pauses = Pauses(bench.connection)
        await pauses.pause(CHANNEL, a_pause(bench))
        await bench.offer("t:1", "t:2")
        await bench.offer("t:3", channel=OTHER)
        async with bench.bot():
            await bench.until_all(State.DELIVERED, "t:3")
            assert [State.PENDING] * 2 == [await bench.state(key) for key in ("t:1", "t:2")]
            await pauses.resume(CHANNEL)
            await bench.until_all(State.DELIVERED, "t:1", "t:2")
        assert ["t:1", "t:2"] == bench.shown()


async def test_a_paused_consumer_posts_nothing_until_that_ends_by_itself(bench: Bench) -> None:
    await Registry(bench.connection).register("discord")
    pause = a_pause(bench, 1.5)
    await Registry(bench.connection).pause("discord", pause)
    await bench.offer("t:1")
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
    assert pause.until is not None
    row = await bench.row("t:1")
    assert row.since is not None
    assert row.since >= pause.until - timedelta(milliseconds=50)


async def test_what_may_have_been_posted_before_a_pause_is_found_out_after_it(open_bench: OpenBench) -> None:
    async with open_bench(channels={COMMUNITY: "community", OTHER: "other"}) as bench:
        bench.discord.faults.script(action="drop", when="after")
        pauses = Pauses(bench.connection)
        await bench.offer("t:1")
        async with bench.bot():
            await bench.until_requests(1)
        await pauses.pause(CHANNEL, a_pause(bench))
        await bench.offer("t:2", channel=OTHER)
        async with bench.bot():
            await bench.until_all(State.DELIVERED, "t:2")
            assert State.PENDING is await bench.state("t:1")
            assert 2 == len(bench.posts())
            await pauses.resume(CHANNEL)
            await bench.until_all(State.DELIVERED, "t:1")
        assert ["t:1"] == bench.shown()


async def test_a_blocked_channel_that_is_paused_parks_nothing_and_tries_nothing(open_bench: OpenBench) -> None:
    async with open_bench(channels={COMMUNITY: "community", OTHER: "other"}) as bench:
        await bench.channels.read(str(COMMUNITY))
        await bench.channels.block(str(COMMUNITY), Block("Missing Access", bench.connection.clock.now(), 1))
        await Pauses(bench.connection).pause(CHANNEL, a_pause(bench))
        await bench.offer("t:1")
        await bench.offer("t:2", channel=OTHER)
        async with bench.bot():
            await bench.until_all(State.DELIVERED, "t:2")
            assert State.PENDING is await bench.state("t:1")
        assert [] == bench.shown()
