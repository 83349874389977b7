"""Where a posted message is to be found, as `explain` tells it."""

from bot.simulator.guild import GUILD_ID
from bot.simulator.settings import COMMUNITY
from telemetry.core.delivery import State
from telemetry.ops.explain import explain
from tests.bot.conftest import Bench
from tests.until import until

ADA = 223344556677889900


async def test_a_message_is_linked_by_its_server_as_soon_as_the_gateway_has_told_that(bench: Bench) -> None:
    async with bench.bot(gateway=True) as desk:

        async def known() -> str | None:
            """The gateway has told."""
            return desk.session.server_of(str(COMMUNITY))

        await until(known)
        (delivery,) = await bench.offer("t:1")
        await bench.until_all(State.DELIVERED, "t:1")
    found, (message,) = await explain(bench.connection, "t:1"), bench.discord.messages(COMMUNITY)
    assert found is not None
    link = f"https://discord.com/channels/{GUILD_ID}/{COMMUNITY}/{message.id}"
    assert found.links == {delivery.id: link}
    (posted,) = [moment for moment in found.timeline if moment.link]
    assert (posted.what, posted.link) == (f"{delivery.id}: posted", link)
    assert abs((posted.at - bench.connection.clock.now()).total_seconds()) < 60


async def test_a_direct_message_is_linked_without_a_server(bench: Bench) -> None:
    (delivery,) = await bench.offer("t:1", user=ADA)
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
    found, result = await explain(bench.connection, "t:1"), (await bench.row("t:1")).result
    assert found is not None
    assert result is not None
    link = f"https://discord.com/channels/@me/{result['channel_id']}/{result['message_id']}"
    assert found.links == {delivery.id: link}
