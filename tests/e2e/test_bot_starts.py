"""In whatever order the others come, the bot misses nothing of what they say."""

import socket
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

from bot.simulator.guild import Permissions
from bot.simulator.settings import COMMUNITY
from telemetry.core.delivery import State
from telemetry.store.channels import Block, Channels
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from tests.crash.crossings import Crossings
from tests.crash.proxy import MongoProxy
from tests.e2e.world import World
from tests.facts import a_delivery, an_event
from tests.until import until

DESTINATION = f"discord:{COMMUNITY}"


async def test_news_of_a_channel_that_comes_before_the_database_does_is_not_lost(
    world: World, connection: Connection, mongodb_uri: str
) -> None:
    """
    A parked channel's permission came back while no bot ran; Discord says so once, when the bot connects.
    """
    queue, channels = Deliveries(connection, "discord"), Channels(connection)
    await queue.offer([a_delivery(an_event("t:1"), DESTINATION)])
    await queue.park_all(DESTINATION, "forbidden", "channel")
    await channels.read(str(COMMUNITY))
    await channels.block(str(COMMUNITY), Block("forbidden", connection.clock.now() + timedelta(hours=1), 9))
    world.discord.world.permit(next(iter(world.discord.channels)), Permissions())
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]

    parts = urlsplit(mongodb_uri)
    uri = urlunsplit(parts._replace(netloc=f"127.0.0.1:{port}", path=parts.path or "/"))
    bot = world.start("bot", TELLONCE_MONGODB_URI=uri)

    async def connected() -> bool:
        """It has heard all that Discord has to say."""
        return bool(bot.said("gateway.ready"))

    await until(connected)
    host, own = str(parts.hostname), int(parts.port or 27017)
    async with MongoProxy(host, own, Crossings(), {f"{host}:{own}": f"127.0.0.1:{port}"}, port):

        async def delivered() -> bool:
            """What was parked is told."""
            return [row.state for row in await queue.of_event("t:1")] == [State.DELIVERED]

        await until(delivered)
        bot.kill()
    assert ["t:1"] == world.shown()
