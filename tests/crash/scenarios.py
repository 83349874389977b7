"""The scenarios of the matrix."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from bot.simulator.guild import Permissions
from bot.simulator.settings import COMMUNITY
from tests.crash.scenario import MOMENT, Scenario, Start, badges, reminders, sign_ups, ticks
from tests.crash.stage import Outlet, Stage
from tests.receiver import Reply

# Without a gateway no echo tells what became of a post.
DEAF = {"DISCORD_GATEWAY": "ws://127.0.0.1:1/"}
# The nonce is forgotten at once, on both sides.
FORGETFUL = {"TELLONCE_NONCE_WINDOW": "0.01"}
BRIEF = {"nonce_window": 0.01}
LOST_ANSWER = {"action": "drop", "when": "after"}
LOST_REQUEST = {"action": "drop", "when": "before"}
PRODUCED = sign_ups(6)
WINDOW_OVER = Scenario("", "bot", sign_ups(3), Start.QUEUED, settings=FORGETFUL | DEAF, discord=BRIEF)


async def _may_send(stage: Stage, *, allowed: bool) -> None:
    channel = stage.discord.channels.channel(COMMUNITY)
    assert channel is not None
    stage.discord.world.permit(channel, Permissions(send=allowed))


async def _goes_away(stage: Stage) -> None:
    stage.receiver.always = Reply(410, taken=False)


async def _comes_back(stage: Stage) -> None:
    stage.receiver.always = Reply()
    await stage.ask("webhooks", "enable", "crm")


async def _never_works(stage: Stage) -> None:
    stage.receiver.always = Reply(500, taken=False)


async def _change_their_minds(stage: Stage) -> None:
    """Put every other fact off, and take the others back: both may be too late."""
    url = await stage.running("ingest").url()
    for number, fact in enumerate(reminders(4)):
        if number % 2:
            await stage.ask("cancel", fact.key, "--reason", "changed minds")
        else:
            soon = datetime.now(UTC) + timedelta(seconds=MOMENT)
            words = ["--url", url, "--revision", "1", "--deliver-at", soon.isoformat()]
            await stage.ask("send", fact.event, fact.subject, "revision:=1", *words)


COURIER = Scenario("", "courier webhook", sign_ups(3), Start.QUEUED, in_order=False, outlet=Outlet.WEBHOOK)
SCENARIOS = (
    Scenario(
        "ingest: batches with duplicates",
        "ingest",
        PRODUCED,
        Start.NOTHING,
        batches=(
            [fact.body() for fact in (*PRODUCED[:4], PRODUCED[0])],
            [fact.body() for fact in PRODUCED[2:]],
            [PRODUCED[5].body(time="2026-01-01T00:00:00Z")],
        ),
        crew=("watch", "bot"),
        in_order=False,
        actions=("kill", "stop"),
    ),
    Scenario(
        "watcher: two consumers, one fails",
        "watch",
        sign_ups(6),
        Start.STORED,
        beside=("bot",),
        settings=FORGETFUL,
        environ={"NEIGHBOUR": "failing"},
        successor={"NEIGHBOUR": "well"},
        discord=BRIEF,
        neighbour=True,
        actions=("kill", "stop"),
    ),
    Scenario(
        "watcher: facts come while it watches",
        "watch",
        sign_ups(4),
        Start.NOTHING,
        batches=([fact.body() for fact in sign_ups(2)], [fact.body() for fact in sign_ups(2, 2)]),
        beside=("ingest", "bot"),
        in_order=False,
    ),
    Scenario("watcher: facts fall due", "watch", reminders(4), Start.STORED, beside=("bot",), actions=("kill", "stop")),
    Scenario(
        "watcher: put off and taken back while they fire",
        "watch",
        reminders(4),
        Start.STORED,
        beside=("ingest", "bot"),
        heal=_change_their_minds,
        in_order=False,
        actions=("kill", "stop"),
    ),
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
    replace(COURIER, name="courier: several at once", facts=sign_ups(6), actions=("kill", "stop")),
    replace(COURIER, name="courier: more comes meanwhile", later=sign_ups(3, 3), actions=("kill", "stop")),
    replace(COURIER, name="courier: in order", facts=ticks(3), replies=[Reply(500, taken=False)], in_order=True),
    replace(COURIER, name="courier: the answer is lost", replies=[Reply(drop=True), Reply(503)]),
    replace(
        COURIER,
        name="courier: a pause is asked for",
        replies=[Reply(429, {"Retry-After": "1"}, taken=False), Reply(500, taken=False)],
    ),
    replace(COURIER, name="courier: gone, and switched on again", begin=_goes_away, heal=_comes_back),
    replace(
        COURIER,
        name="courier: it never works",
        facts=sign_ups(2),
        settings={"TELLONCE_WEBHOOK_SCHEDULE": "0.1s,0.1s", "TELLONCE_COURIER_REST": "0.05"},
        begin=_never_works,
        ends={fact.key: "dead" for fact in sign_ups(2)},
    ),
)
