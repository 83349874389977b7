"""What was parked with a destination comes back by itself when the destination does."""

import pytest

from bot.simulator.guild import GUILD_ID
from bot.simulator.settings import COMMUNITY
from telemetry.core.delivery import State
from telemetry.ops.standing import retry
from telemetry.store.selection import Selection
from tests.bot.conftest import Bench

ADA = 800000000000000001


@pytest.mark.parametrize(("status", "code"), [(403, 50001), (404, 10004), (404, 10003)])
async def test_a_bot_that_was_removed_from_its_server_tells_what_waited_when_it_is_invited_again(
    bench: Bench, status: int, code: int
) -> None:
    """
    However Discord says it: no access, no such server, or no such channel.
    """
    keys = ["t:1", "t:2", "t:3"]
    await bench.offer(*keys[:2])
    async with bench.bot(gateway=True):
        await bench.until_all(State.DELIVERED, *keys[:2])
        bench.discord.faults.script(action="status", status=status, code=code, times=None)
        bench.discord.world.news.tell("GUILD_DELETE", {"id": str(GUILD_ID)})
        await bench.offer(keys[2])
        await bench.until_all(State.PARKED, keys[2])
        bench.discord.faults.clear()
        bench.discord.world.news.tell("GUILD_CREATE", bench.discord.world.guild.arrival())
        await bench.until_all(State.DELIVERED, keys[2])
    assert keys == bench.shown()


async def test_a_channel_that_is_made_again_gets_what_waited_for_it(bench: Bench) -> None:
    """
    Discord gives no id twice, but what it says of one may be wrong for a while.
    """
    bench.discord.world.close_channel(COMMUNITY)
    await bench.offer("t:1")
    async with bench.bot(gateway=True):
        await bench.until_all(State.PARKED, "t:1")
        bench.discord.world.open_channel(COMMUNITY, "community")
        await bench.until_all(State.DELIVERED, "t:1")
    assert ["t:1"] == bench.shown()


async def test_who_takes_direct_messages_again_is_told_when_an_operator_retries(bench: Bench) -> None:
    """
    Nobody tells a bot that somebody may be written to again, so this does not come back by itself.
    """
    bench.discord.faults.script(action="status", status=403, code=50007)
    await bench.offer("t:1", user=ADA)
    async with bench.bot():
        await bench.until_all(State.DEAD, "t:1")
        assert 1 == await retry(bench.connection, Selection((State.DEAD,)), ["discord"])
        await bench.until_all(State.DELIVERED, "t:1")
