"""A deployment in which campaigns close: a handler draws three winners, and Discord shows each of them."""

from collections import Counter
from pathlib import Path
from typing import Any

from telemetry.core.delivery import State
from telemetry.ops.verify import verify
from telemetry.store.deliveries import Deliveries
from tests.e2e.daemon import Daemon
from tests.e2e.world import World, submit
from tests.test_runbook import ask
from tests.until import until

MODULE = """
from pathlib import Path
import anyio
from consumers.handler import on

HERE = Path(__file__).parent

@on("campaign_closing", retries="0.2s,0.4s,1s,2s,5s", timeout="1m", concurrency=8)
async def find_winners(event, ctx):
    with (HERE / "called").open("a") as called:
        called.write(event.distinct_id + "\\n")
    if (HERE / "outage").exists():
        raise ConnectionError("the provider does not answer")
    while (HERE / "stuck").exists():
        await anyio.sleep(0.02)
    for place in (1, 2, 3):
        ctx.emit("winner_found", subject=f"{event.distinct_id}-{place}", properties={"campaign": event.distinct_id})
    closed = {"$inc": {"times": 1}}
    await ctx.database["closed"].update_one({"_id": event.distinct_id}, closed, upsert=True, session=ctx.session)
"""
ROUTES = """
[types.campaign_closing]
key = ["distinct_id"]
[[discord.routes]]
events = ["winner_found"]
channel = "community"
title = "{{ distinct_id | raw }} of {{ properties.campaign | raw }}"
"""
HANDLER = "find_winners"
UNFINISHED = [State.PENDING, State.LEASED, State.DEAD, State.PARKED]


class Campaigns:
    """A world in which campaigns close."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self._url = ""
        (folder / "campaign.py").write_text(MODULE)
        world.write_config(ROUTES)
        world.env |= {"PYTHONPATH": str(folder), "TELLONCE_HANDLERS": "campaign", "COURIER": HANDLER}

    async def begin(self, *verbs: str) -> list[Daemon]:
        """Start daemons, and wait until they can work."""
        started = [self.world.start(verb) for verb in verbs]
        for verb, daemon in zip(verbs, started, strict=True):
            await daemon.ready()
            self._url = await daemon.url() if verb == "ingest" else self._url
        return started

    async def press(self, *campaigns: str, **fields: Any) -> Counter[str]:
        """Press "close", once for each campaign named; count the answers."""
        pressed = [{"event": "campaign_closing", "distinct_id": name, **fields} for name in campaigns]
        status, answer = await submit(self._url, pressed)
        assert status == 202, answer
        return Counter(result["status"] for result in answer["results"])

    def now(self, what: str) -> None:
        """Let something be so in the handler's surroundings."""
        (self.folder / what).touch()

    def no_longer(self, what: str) -> None:
        """Let it be so no more."""
        (self.folder / what).unlink()

    def calls(self) -> Counter[str]:
        """How often the handler was called, by campaign."""
        called = self.folder / "called"
        return Counter(called.read_text().split() if called.exists() else [])

    async def until_called(self, campaign: str, times: int = 1) -> None:
        """Wait until the handler was called so often for a campaign."""

        async def called() -> bool:
            """It was."""
            return self.calls()[campaign] >= times

        await until(called)

    async def each_closed_once(self, *campaigns: str) -> None:
        """Wait until all is told: each winner once, of its own campaign, and each campaign closed once."""
        winners = {f"{name}-{place} of {name}" for name in campaigns for place in (1, 2, 3)}
        await self.world.until_shown(winners, seconds=60)
        await until(self._nothing_waits, 30)
        assert Counter(winners) == Counter(self.world.shown())
        closed = self.world.connection.database["closed"]
        assert dict.fromkeys(campaigns, 1) == {row["_id"]: row["times"] async for row in closed.find({})}
        assert (await verify(self.world.connection)).holds
        assert [] == await ask(self.world.connection, "twice")
        for consumer in (HANDLER, "discord"):
            assert [] == await ask(self.world.connection, "waiting_twice", aggregate=f"{consumer}_queue")
            assert [] == await ask(self.world.connection, "stalled", find=f"{consumer}_queue")

    async def _nothing_waits(self) -> bool:
        """Every delivery is delivered."""
        for consumer in (HANDLER, "discord"):
            if any((await Deliveries(self.world.connection, consumer).count(UNFINISHED)).values()):
                return False
        return True
