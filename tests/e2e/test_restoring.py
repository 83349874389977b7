"""A backup is put back as the runbook says: what was posted since it was taken is not posted again."""

import pytest

from telemetry.core.delivery import State
from telemetry.ops.verify import verify
from telemetry.store.deliveries import Deliveries
from tests.backup import back_up, put_back
from tests.e2e.world import World
from tests.until import until


async def until_offered(world: World, *keys: str) -> None:
    """Wait until each fact has its delivery in the queue."""

    async def offered() -> bool:
        queue = Deliveries(world.connection, "discord")
        return all([await queue.of_event(key) for key in keys])

    await until(offered)


@pytest.mark.slow
async def test_nothing_is_posted_twice_after_a_backup_was_put_back(world: World) -> None:
    """
    In the backup one waits and one is not offered yet. After it comes a third, and all are told.
    """
    waits, owed, later = keys = ["sign_up:waits", "sign_up:owed", "sign_up:later"]
    watch = world.start_plainly("watch")
    await world.store([waits])
    await until_offered(world, waits)
    watch.stop()
    await world.store([owed])
    backup = await back_up(world.connection)
    await world.store([later])
    watch, bot = world.start_plainly("watch"), world.start_plainly("bot")
    await world.until_shown(keys)
    for daemon in (watch, bot):
        daemon.stop()

    await put_back(world.connection, backup)
    watch = world.start_plainly("watch")
    # Producers send again what they have sent since.
    await world.store([owed, later])
    await until_offered(world, owed, later)
    code, said = await world.typed("restored", "--since", backup.began.isoformat())
    assert (0, True) == (code, "3 deliveries may have been posted" in said), said
    world.start_plainly("bot")
    await world.until_settled(keys)

    assert sorted(keys) == sorted(world.shown())
    assert (await verify(world.connection)).holds
    rows = [row for key in keys for row in await Deliveries(world.connection, "discord").of_event(key)]
    assert [State.DELIVERED] * 3 == [row.state for row in rows]
