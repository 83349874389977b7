"""The bot is struck while it posts, whatever Discord has to say."""

from dataclasses import replace
from functools import partial

from bot.simulator.guild import Permissions
from bot.simulator.settings import COMMUNITY
from tests.crash.scenario import Scenario, Start, badges, sign_ups
from tests.crash.scenarios.watcher import BRIEF, FORGETFUL
from tests.crash.stage import Stage

# Without a gateway no echo tells what became of a post.
DEAF = {"DISCORD_GATEWAY": "ws://127.0.0.1:1/"}
LOST_ANSWER = {"action": "drop", "when": "after"}
LOST_REQUEST = {"action": "drop", "when": "before"}
WINDOW_OVER = Scenario("", "bot", sign_ups(3), Start.QUEUED, settings=FORGETFUL | DEAF, discord=BRIEF)


async def _may_send(stage: Stage, *, allowed: bool) -> None:
    channel = stage.discord.channels.channel(COMMUNITY)
    assert channel is not None
    stage.discord.world.permit(channel, Permissions(send=allowed))


SCENARIOS = (
    Scenario("bot: one delivery", "bot", sign_ups(1), Start.QUEUED, actions=("kill", "stop")),
    Scenario("bot: digests in two channels", "bot", sign_ups(13) + badges(3), Start.QUEUED, actions=("kill", "stop")),
    Scenario(
        "bot: more comes meanwhile", "bot", sign_ups(2), Start.QUEUED, later=sign_ups(5, 2), actions=("kill", "stop")
    ),
    Scenario(
        "bot: 429",
        "bot",
        sign_ups(2),
        Start.QUEUED,
        faults=(
            {"action": "status", "status": 429, "retry_after": 0.2},
            {"action": "status", "status": 429, "retry_after": 0.2, "scope": "global", "after": 0},
        ),
    ),
    Scenario("bot: the answer is lost", "bot", sign_ups(3), Start.QUEUED, settings=DEAF, faults=(LOST_ANSWER,)),
    replace(WINDOW_OVER, name="bot: nonce window over, it was posted", faults=(LOST_ANSWER,), actions=("kill", "stop")),
    replace(WINDOW_OVER, name="bot: nonce window over, it was not posted", faults=(LOST_REQUEST,)),
    Scenario(
        "bot: one is refused for good",
        "bot",
        sign_ups(1) + badges(2),
        Start.QUEUED,
        faults=({"action": "status", "status": 400, "code": 50035, "channel": COMMUNITY, "times": None},),
        ends={fact.key: "dead" for fact in sign_ups(1)},
    ),
    Scenario(
        "bot: parked until the permission is back",
        "bot",
        sign_ups(2) + badges(1),
        Start.QUEUED,
        begin=partial(_may_send, allowed=False),
        heal=partial(_may_send, allowed=True),
    ),
)
