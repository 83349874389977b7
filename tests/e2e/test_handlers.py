"""A user's handlers as processes that are killed: each winner is told of once."""

from pathlib import Path

import pytest

from telemetry.core.delivery import State
from telemetry.ops.verify import verify
from telemetry.store.deliveries import Deliveries
from tests.e2e.world import World
from tests.until import until

CAMPAIGN = """
from pathlib import Path
import anyio
from consumers.handler import on

@on("campaign_closing", timeout="1m")
async def find_winners(event, ctx):
    for user in ("ann", "bob", "cid", "dan"):
        ctx.emit("winner_found", subject=user, properties={{"campaign": event.distinct_id}})
    called = Path({called!r})
    called.write_text(called.read_text() + "x" if called.exists() else "x")
    if {hangs} and ctx.attempt == 1:
        await anyio.sleep_forever()

@on("winner_found")
async def congratulate(event, ctx):
    await ctx.database["letters"].insert_one(
        {{"winner": event.distinct_id, "cause": event.origin["event"]}}, session=ctx.session
    )
"""
KEY = "campaign_closing:c1"


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["before it completed", "half told"])
async def test_a_killed_handlers_winners_are_each_told_of_once(world: World, tmp_path: Path, killed: str) -> None:
    called, hangs = tmp_path / "called", killed == "before it completed"
    (tmp_path / "campaign.py").write_text(CAMPAIGN.format(called=str(called), hangs=hangs))
    world.env |= {"PYTHONPATH": str(tmp_path), "TELLONCE_HANDLERS": "campaign"}
    watch, other = world.start_plainly("watch"), world.start("courier", COURIER="congratulate")
    first = world.start("courier", None if hangs else killed, COURIER="find_winners")
    for daemon in (watch, other, first):
        await daemon.ready()
    await world.store([KEY])

    async def in_the_middle() -> bool:
        """It has been called, or caught."""
        return called.exists()

    await (until(in_the_middle) if hangs else first.caught())
    first.kill()
    await world.start("courier", COURIER="find_winners").ready()
    letters = world.connection.database["letters"]

    async def all_written() -> bool:
        """Every winner has a letter, and nothing waits."""
        rows = await Deliveries(world.connection, "congratulate").count([State.PENDING, State.LEASED])
        return await letters.count_documents({}) >= 4 and not any(rows.values())

    await until(all_written)
    written = [(row["winner"], row["cause"]) async for row in letters.find({}).sort("winner", 1)]
    assert [(user, KEY) for user in ("ann", "bob", "cid", "dan")] == written
    assert ("xx" if hangs else "x") == called.read_text()
    assert (await verify(world.connection)).holds
