"""An operator's process is struck while it retries and replays, and couriers while they carry what came of it."""

import signal
from dataclasses import replace
from functools import partial

from bot.simulator.guild import Permissions
from bot.simulator.settings import COMMUNITY
from tests.crash.file import BADGES, Outlet
from tests.crash.scenario import Scenario, Start, badges, sign_ups
from tests.crash.scenarios.bot import LOST_ANSWER, WINDOW_OVER
from tests.crash.stage import Stage
from tests.crash.verdicts.operators import told_as_counted
from tests.receiver import Reply
from tests.until import came_true

PATIENCE = 20.0
REPLAY = ("replay", "--type", "sign_up", "--reason", "wiped", "--by", "operator", "--yes", "--rate", "1000")
REFUSED = {"action": "status", "status": 400, "code": 200000, "channel": BADGES, "times": None}


async def _stand(stage: Stage, queue: str, *states: str) -> bool:
    """Say whether all of a queue has come to some states."""
    return not await stage.database[queue].count_documents({"state": {"$nin": list(states)}})


async def _gets_stuck(stage: Stage) -> None:
    """Have some refused, and of others not be known whether they were posted; then mend the causes."""
    channel = stage.discord.channels.channel(COMMUNITY)
    assert channel is not None
    stage.discord.world.permit(channel, Permissions(history=False))
    stage.discord.faults.script(**LOST_ANSWER, channel=COMMUNITY)
    stage.discord.faults.script(**REFUSED)
    await stage.start("bot")
    assert await came_true(lambda: _stand(stage, "discord_queue", "dead", "parked"), PATIENCE)
    stage.discord.faults.clear()
    stage.discord.world.permit(channel, Permissions())


async def _none_is_stuck(queue: str, stage: Stage) -> bool:
    return not await stage.database[queue].count_documents({"state": {"$in": ["dead", "parked"]}})


async def _is_told(verb: str, queue: str, stage: Stage) -> None:
    """Have everything told a first time, by one that goes on."""
    await stage.start(verb)
    assert await came_true(lambda: _stand(stage, queue, "delivered"), PATIENCE)


async def _is_replayed(verb: str, queue: str, stage: Stage) -> None:
    """Have everything told a first time, and then replayed, with nobody to carry it."""
    await _is_told(verb, queue, stage)
    (first,) = [daemon for daemon in stage.daemons if not daemon.ended.is_set()]
    first.signal(signal.SIGTERM)
    await first.ended.wait()
    assert (await stage.ask(*REPLAY)).code == 0


async def _answer_is_lost(verb: str, queue: str, stage: Stage) -> None:
    await _is_replayed(verb, queue, stage)
    stage.discord.faults.script(**LOST_ANSWER)


async def _go_on(stage: Stage) -> None:
    """Once the next operator's process has ended, resume whatever was cut short."""

    async def over() -> bool:
        return all(daemon.ended.is_set() for daemon in stage.daemons if daemon.verb == REPLAY[0])

    await came_true(over, PATIENCE)
    # What was raised is told by then: raised twice it would be told once more.
    await came_true(lambda: _stand(stage, "discord_queue", "delivered"), PATIENCE)
    for operation in await stage.database["operations"].find({"state": "running"}).to_list(None):
        resumed = await stage.start(f"replay --resume {operation['_id']}")
        await resumed.ended.wait()


async def _never_works(stage: Stage) -> None:
    stage.receiver.always = Reply(500, taken=False)


async def _retries_when_dead(stage: Stage) -> None:
    """Once nothing helped, mend the cause and have it tried again, while whoever was struck may wake up."""
    await came_true(lambda: _stand(stage, "webhook_queue", "dead"), PATIENCE)
    stage.receiver.always = Reply()
    await stage.ask("retry", "--dead")


async def _told_twice(outlet: Outlet, stage: Stage) -> bool:
    rows = stage.database[f"{outlet}_queue"]
    return not await rows.count_documents({"generation": 0})


BOT, COURIER = ("bot", "discord_queue"), ("courier webhook", "webhook_queue")
SHOWN = (partial(told_as_counted, outlet=Outlet.DISCORD, channel=COMMUNITY),)
TAKEN = (partial(told_as_counted, outlet=Outlet.WEBHOOK),)
ON_ITS_WAY = Scenario("", "bot", sign_ups(3), Start.QUEUED, begin=partial(_is_replayed, *BOT), verdicts=SHOWN)
SCENARIOS = (
    Scenario(
        "operator: a retry",
        "retry --dead --parked --rate 1000",
        sign_ups(3) + badges(2),
        Start.QUEUED,
        settings=WINDOW_OVER.settings,
        discord=WINDOW_OVER.discord,
        begin=_gets_stuck,
        has_come=partial(_none_is_stuck, "discord_queue"),
        once=True,
    ),
    Scenario(
        "operator: a replay",
        " ".join(REPLAY),
        sign_ups(3),
        Start.QUEUED,
        begin=partial(_is_told, *BOT),
        conclude=_go_on,
        has_come=partial(_told_twice, Outlet.DISCORD),
        verdicts=SHOWN,
        once=True,
    ),
    replace(ON_ITS_WAY, name="bot: what was replayed", actions=("kill", "stop")),
    replace(
        ON_ITS_WAY,
        name="bot: what was replayed, nonce window over, it was posted",
        settings=WINDOW_OVER.settings,
        discord=WINDOW_OVER.discord,
        begin=partial(_answer_is_lost, *BOT),
    ),
    Scenario(
        "courier: what was replayed",
        "courier webhook",
        sign_ups(3),
        Start.QUEUED,
        outlet=Outlet.WEBHOOK,
        begin=partial(_is_replayed, *COURIER),
        verdicts=TAKEN,
        actions=("kill", "stop"),
    ),
    Scenario(
        "courier: retried while another settles late",
        "courier webhook",
        sign_ups(2),
        Start.QUEUED,
        outlet=Outlet.WEBHOOK,
        in_order=False,
        settings={"TELLONCE_WEBHOOK_SCHEDULE": "0.1s,0.1s", "TELLONCE_COURIER_REST": "0.05"},
        begin=_never_works,
        conclude=_retries_when_dead,
        has_come=partial(_none_is_stuck, "webhook_queue"),
        actions=("kill", "stop"),
    ),
)
