"""Whatever happens to the bot, each fact is shown once."""

import signal

import pytest

from telemetry.core.delivery import State
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from tests.e2e.world import World
from tests.facts import a_delivery, an_event
from tests.faketime import FAKETIME, wrong_calendar
from tests.until import until

COMMUNITY = "discord:112233445566778899"


async def offer(connection: Connection, *keys: str) -> None:
    await Deliveries(connection, "discord").offer([a_delivery(an_event(key), COMMUNITY) for key in keys])


async def until_delivered(connection: Connection, *keys: str) -> None:
    async def delivered() -> bool:
        """All are delivered."""
        rows = [await Deliveries(connection, "discord").of_event(key) for key in keys]
        return all([row.state for row in found] == [State.DELIVERED] for found in rows)

    await until(delivered)


@pytest.mark.parametrize("window", ["60", "0.01"], ids=["inside the nonce window", "after the nonce window"])
async def test_killed_between_discords_acceptance_and_the_settling_there_is_one_post(
    world: World, connection: Connection, window: str
) -> None:
    await offer(connection, "t:1")
    bot = world.start("bot", "posted")
    await bot.caught()
    bot.kill()
    if window != "60":
        world.discord.world.time.advance(600)

    world.start("bot", TELLONCE_NONCE_WINDOW=window)
    await until_delivered(connection, "t:1")
    assert ["t:1"] == world.shown()


@pytest.mark.parametrize("window", ["60", "0.01"], ids=["inside the nonce window", "after the nonce window"])
async def test_killed_half_way_through_settling_a_digest_of_ten_there_is_one_post_each(
    world: World, connection: Connection, window: str
) -> None:
    keys = [f"t:{n}" for n in range(10)]
    await offer(connection, *keys)
    bot = world.start("bot", "half settled")
    await bot.caught()
    bot.kill()

    world.start("bot", TELLONCE_NONCE_WINDOW=window)
    await until_delivered(connection, *keys)
    assert keys == world.shown()


async def test_stopped_between_its_record_and_the_post_and_woken_after_its_successor_has_posted(
    world: World, connection: Connection
) -> None:
    """
    The window in which Discord knows the nonce is over when it wakes: only the age of its record holds it back.
    """
    await offer(connection, "t:1")
    # Without a gateway it hears of nothing that its successor does.
    stale = world.start("bot", "recorded", DISCORD_GATEWAY="ws://127.0.0.1:1/")
    await stale.caught()
    world.start("bot")
    await until_delivered(connection, "t:1")
    world.discord.world.time.advance(600)
    stale.signal(signal.SIGCONT)

    await until(lambda: says(stale, "post.stale"))
    await offer(connection, "t:2")
    await until_delivered(connection, "t:2")
    assert ["t:1", "t:2"] == world.shown()


async def says(daemon: object, event: str) -> bool:
    return bool(daemon.said(event))  # type: ignore[attr-defined]


@pytest.mark.parametrize("offset", ["+300s", "-300s"])
async def test_a_bot_whose_hosts_clock_is_five_minutes_off_tells_each_fact_once(
    world: World, connection: Connection, offset: str
) -> None:
    if FAKETIME is None:
        pytest.skip("libfaketime is not installed")
    await offer(connection, "t:1")
    first = world.start("bot", "posted")
    await first.caught()
    first.kill()

    world.start("bot", TELLONCE_NONCE_WINDOW="0.01", **wrong_calendar(FAKETIME=offset))
    await offer(connection, "t:2")
    await until_delivered(connection, "t:1", "t:2")
    assert ["t:1", "t:2"] == world.shown()


async def test_stopping_lets_a_successor_post_at_once(world: World, connection: Connection) -> None:
    """
    Nothing is left to lapse.
    """
    bot = world.start("bot", TELLONCE_CHANNEL_LEASE="600")
    await offer(connection, "t:1")
    await until_delivered(connection, "t:1")
    assert 0 == bot.stop()
    assert "Traceback" not in bot.text()

    world.start("bot", TELLONCE_CHANNEL_LEASE="600")
    await offer(connection, "t:2")
    await until_delivered(connection, "t:2")
    assert ["t:1", "t:2"] == world.shown()


async def test_without_discord_or_database_the_bot_waits_alive_and_says_so_in_one_line(world: World) -> None:
    nowhere = {"DISCORD_API_BASE": "http://127.0.0.1:1/api", "TELLONCE_MONGODB_URI": "mongodb://127.0.0.1:1/"}
    bot = world.start("bot", **nowhere)
    await until(lambda: says(bot, "discord.waiting"))
    await until(lambda: says(bot, "service.waiting"))
    assert bot.process.poll() is None
    assert "Traceback" not in bot.text()
