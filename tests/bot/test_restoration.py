"""After a backup was put back nothing is posted again that was posted since it was taken."""

from datetime import timedelta
from typing import Any

import pytest

from bot.restoration import doubt
from bot.simulator.guild import Permissions
from bot.simulator.settings import COMMUNITY
from telemetry.core.delivery import State
from telemetry.core.errors import TellonceError
from telemetry.ops.standing import retry
from telemetry.store.selection import Selection
from tests.backup import Backup, back_up, put_back
from tests.bot.conftest import Bench

ADA = 800000000000000001
# What was recorded before the backup was put back has long left Discord's memory of nonces.
FORGETFUL: dict[str, Any] = {"nonce_window": 0.01}


def histories(bench: Bench) -> list[str]:
    """List the readings of a channel's history."""
    found = [request for request in bench.discord.traffic.requests if request.method == "GET"]
    return [request.path for request in found if request.path.endswith("/messages")]


async def restored(bench: Bench, backup: Backup) -> int:
    """Put a backup back as the runbook says."""
    await put_back(bench.connection, backup)
    return await doubt(bench.connection, "discord", backup.began)


async def test_what_was_posted_after_the_backup_is_found_with_whomever_it_was_posted(bench: Bench) -> None:
    """
    Five went out as one digest; by the backup, four of them wait and the fifth has never been heard of.
    """
    keys = [f"t:{number}" for number in range(4)]
    await bench.offer(*keys)
    backup = await back_up(bench.connection)
    await bench.offer("t:later")
    async with bench.bot():
        await bench.until_all(State.DELIVERED, *keys, "t:later")
    posts = len(bench.posts())

    assert 4 == await restored(bench, backup)
    async with bench.bot():
        await bench.until_all(State.DELIVERED, *keys)
    assert posts == len(bench.posts())


async def test_without_that_it_would_be_posted_twice(bench: Bench) -> None:
    await bench.offer("t:1", "t:2")
    backup = await back_up(bench.connection)
    await bench.offer("t:later")
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1", "t:2")
    await put_back(bench.connection, backup)
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1", "t:2")
    assert ["t:1", "t:2", "t:later", "t:1", "t:2"] == bench.shown()


async def test_what_was_not_posted_is_posted_once_and_in_order(bench: Bench) -> None:
    await bench.offer("t:1", "t:2")
    backup = await back_up(bench.connection)
    assert 2 == await restored(bench, backup)
    # Killed half-way it is done again.
    assert 2 == await doubt(bench.connection, "discord", backup.began)
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1", "t:2")
        await bench.offer("t:3")
        await bench.until_all(State.DELIVERED, "t:3")
    assert ["t:1", "t:2", "t:3"] == bench.shown()


async def test_a_batch_that_the_backup_holds_on_its_way_may_have_gone_out_long_after_its_last_known_try(
    bench: Bench,
) -> None:
    """
    Both were recorded and not sent; after the backup they were.
    """
    bench.discord.faults.script(action="drop", when="before")
    await bench.offer("t:1", "t:2")
    async with bench.bot(history_settle=60, **FORGETFUL):
        await bench.until_requests(1)
    row = await bench.channels.read(str(COMMUNITY))
    assert row.batch is not None
    long_ago = {
        name: moment - timedelta(minutes=9)
        for name, moment in (
            ("batch.origin_at", row.batch.origin_at),
            ("batch.first_at", row.batch.first_at),
            ("batch.last_at", row.batch.last_at),
        )
    }
    await bench.connection["channels"].update_one({"_id": row.id}, {"$set": long_ago | {"until": row.until}})
    backup = await back_up(bench.connection)
    async with bench.bot(**FORGETFUL):
        await bench.until_all(State.DELIVERED, "t:1", "t:2")
    assert 2 == await restored(bench, backup)
    async with bench.bot(**FORGETFUL):
        await bench.until_all(State.DELIVERED, "t:1", "t:2")
    assert ["t:1", "t:2"] == bench.shown()


async def test_the_history_of_a_channel_is_read_once_for_all_that_may_be_in_it(bench: Bench) -> None:
    keys = [f"t:{number}" for number in range(6)]
    await bench.offer(*keys)
    backup = await back_up(bench.connection)
    async with bench.bot(digest_max=1):
        await bench.until_all(State.DELIVERED, *keys[:3])
    waiting = [f"new:{number}" for number in range(3)]
    await restored(bench, backup)
    await bench.offer(*waiting)
    async with bench.bot():
        await bench.until_all(State.DELIVERED, *keys, *waiting)
    assert sorted([*keys, *waiting]) == sorted(bench.shown())
    assert 1 == len(histories(bench))


async def test_users_are_looked_for_too(bench: Bench) -> None:
    await bench.offer("t:1", user=ADA)
    backup = await back_up(bench.connection)
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
    assert 1 == await restored(bench, backup)
    posts = len(bench.posts())
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
    assert posts == len(bench.posts())


async def test_where_the_history_cannot_be_read_it_is_parked_until_it_can(bench: Bench) -> None:
    channel = next(iter(bench.discord.channels))
    await bench.offer("t:1")
    backup = await back_up(bench.connection)
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
    await restored(bench, backup)
    bench.discord.world.permit(channel, Permissions(history=False))
    async with bench.bot():
        await bench.until_all(State.PARKED, "t:1")
        bench.discord.world.permit(channel, Permissions())
        await retry(bench.connection, Selection((State.PARKED,)), ["discord"])
        await bench.until_all(State.DELIVERED, "t:1")
    assert ["t:1"] == bench.shown()


async def test_it_is_refused_while_a_bot_is_at_work(bench: Bench) -> None:
    await bench.offer("t:1")
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
        with pytest.raises(TellonceError, match="stop every bot"):
            await doubt(bench.connection, "discord", bench.connection.clock.now())
