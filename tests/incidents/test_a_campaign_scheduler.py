"""
A campaign scheduler published "find the winners" thirty times in three seconds, as no job had an id, importing the
workers' module started them, and a job that had outlived its lock was begun anew beside the first. Winners were drawn
again and again, and congratulated each time.
"""

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import anyio
import pytest

from telemetry.core.delivery import State
from telemetry.store.attempts import Attempts
from telemetry.store.deliveries import Deliveries
from tests.e2e.daemon import Daemon
from tests.e2e.world import World
from tests.incidents.campaigns import HANDLER, Campaigns
from tests.test_runbook import ask
from tests.until import until

SUMMER = "campaign_closing:summer|handler:find_winners"


@pytest.fixture
def campaigns(world: World, tmp_path: Path) -> Campaigns:
    """A world in which campaigns close."""
    return Campaigns(world, tmp_path)


async def test_thirty_impatient_clicks_in_three_seconds_close_a_campaign_once(campaigns: Campaigns) -> None:
    """The normal flow; then the integrity queries find nothing, and the workers' query finds who works."""
    *_, courier, _ = await campaigns.begin("ingest", "watch", "courier", "bot")
    answers: Counter[str] = Counter()

    async def click(number: int) -> None:
        await anyio.sleep(number / 10)
        # Each click has another wall-clock time: that is no part of what the fact is.
        answers.update(await campaigns.press("summer", time=datetime.now(UTC).isoformat()))

    async with anyio.create_task_group() as group:
        for number in range(30):
            group.start_soon(click, number)

    assert Counter(accepted=1, duplicate=29) == answers
    await campaigns.each_closed_once("summer")
    assert Counter(summer=1) == campaigns.calls()
    (lane,) = await ask(campaigns.world.connection, "workers")
    assert f"{HANDLER}|handler:{HANDLER}" == lane["_id"]
    assert courier.said("courier.begun", holder=lane["holder"])


async def test_delayed_and_pending_work_survives_a_restart_of_everything(campaigns: Campaigns) -> None:
    first = await campaigns.begin("ingest", "watch")
    due = datetime.now(UTC) + timedelta(seconds=4)
    assert Counter(accepted=1) == await campaigns.press("delayed", deliver_at=due.isoformat())
    assert Counter(accepted=1) == await campaigns.press("pending")

    async def pending() -> bool:
        """One waits in the queue, and there is no courier."""
        rows = await Deliveries(campaigns.world.connection, HANDLER).of_event("campaign_closing:pending")
        return [State.PENDING] == [row.state for row in rows]

    await until(pending)
    for daemon in first:
        daemon.kill()

    await campaigns.begin("watch", "courier", "bot")
    await campaigns.each_closed_once("delayed", "pending")


@pytest.mark.slow
async def test_an_outage_of_the_provider_and_of_discord_costs_tries_and_no_repeat(campaigns: Campaigns) -> None:
    discord = campaigns.world.discord
    discord.faults.script(action="status", status=503, times=None)
    campaigns.now("outage")
    await campaigns.begin("ingest", "watch", "courier", "bot")
    await campaigns.press("summer")
    await campaigns.until_called("summer", times=2)
    campaigns.no_longer("outage")

    async def refused() -> bool:
        """Discord has refused some posts."""
        return discord.traffic.statuses["503"] >= 2

    await until(refused)
    discord.faults.clear()
    await campaigns.each_closed_once("summer")


@pytest.mark.slow
async def test_campaigns_that_close_at_once_each_find_their_own_winners(campaigns: Campaigns) -> None:
    names = [f"c{number:02}" for number in range(12)]
    campaigns.now("stuck")
    await campaigns.begin("ingest", "watch", "courier", "courier", "bot")
    assert Counter(accepted=12, duplicate=12) == await campaigns.press(*names, *names)
    await until(lambda: so_many_at_once(campaigns, 8))
    campaigns.no_longer("stuck")
    await campaigns.each_closed_once(*names)


async def so_many_at_once(campaigns: Campaigns, number: int) -> bool:
    """So many are being closed at once."""
    return len(campaigns.calls()) == number


@pytest.mark.parametrize("ended", ["killed", pytest.param("stopped for longer than its claim", marks=pytest.mark.slow)])
async def test_a_courier_that_is_lost_in_the_middle_is_overtaken_and_says_so(campaigns: Campaigns, ended: str) -> None:
    campaigns.now("stuck")
    *_, first = await campaigns.begin("ingest", "watch", "bot", "courier")
    await campaigns.press("summer")
    await campaigns.until_called("summer")
    if ended == "killed":
        first.kill()
    else:
        first.signal(SIGSTOP)
    (second,) = await campaigns.begin("courier")
    await campaigns.until_called("summer", times=2)
    campaigns.no_longer("stuck")
    await campaigns.each_closed_once("summer")

    tries = await Attempts(campaigns.world.connection).of_event("campaign_closing:summer")
    assert ["unknown", "delivered"] == [tried.outcome for tried in tries]
    if ended != "killed":
        first.signal(SIGCONT)
        await until(lambda: gave_way(first))
        assert 0 == first.stop()
    await campaigns.each_closed_once("summer")
    assert second.said("delivery.attempted", delivery=SUMMER, outcome="delivered")


async def gave_way(courier: Daemon) -> bool:
    """It has said that another one was quicker."""
    late = (courier.said("claim.left", delivery=SUMMER), courier.said("delivery.settled_elsewhere", delivery=SUMMER))
    return any(late)


def test_importing_the_handlers_module_twice_starts_nothing(campaigns: Campaigns) -> None:
    twice = (
        "import importlib, threading, campaign\n"
        "importlib.reload(campaign)\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "from consumers.handler.collection import collect\n"
        "from telemetry.runtime.settings import Settings\n"
        "print([h.name for h in collect(Settings.read({'TELLONCE_HANDLERS': 'campaign'}))])\n"
    )
    done = subprocess.run(  # noqa: S603 - this very Python
        [sys.executable, "-c", twice], env=campaigns.world.env, capture_output=True, text=True, check=False, timeout=30
    )
    assert (0, f"['{HANDLER}']\n") == (done.returncode, done.stdout), done.stderr
    assert Counter() == campaigns.calls()
