"""The watcher is struck while it offers, and while deferred facts fall due."""

from datetime import UTC, datetime, timedelta

from tests.crash.scenario import MOMENT, Scenario, Start, reminders, sign_ups
from tests.crash.stage import Stage

# The nonce is forgotten at once, on both sides.
FORGETFUL = {"TELLONCE_NONCE_WINDOW": "0.01"}
BRIEF = {"nonce_window": 0.01}


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


SCENARIOS = (
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
)
