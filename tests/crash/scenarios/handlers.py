"""A handler's courier is struck before and after its effect, and while what it emitted is told."""

from functools import partial

from tests.crash.scenario import STARTING, Scenario, Start, some
from tests.crash.stage import Stage
from tests.crash.verdicts.handlers import DEEDS, done_once, followed_up

# A claim lasts less than the handler takes.
BRIEFLY = {"TELLONCE_COURIER_LEASE": "1.2", "TELLONCE_RECORD_FRESH": "0.4", "TELLONCE_CARRY_TIMEOUT": "0.6"}


async def _make_room(stage: Stage) -> None:
    # Not every server makes a collection within a transaction.
    await stage.database.create_collection(DEEDS)


async def _all_are_told(handler: str, stage: Stage) -> bool:
    return not await stage.database[f"{handler}_queue"].count_documents({"emits": {"$exists": True}})


SCENARIOS = (
    Scenario(
        "handler: an effect, and follow-ups",
        "courier fulfil",
        some("order", 2),
        Start.QUEUED,
        handler="fulfil",
        settings={"TELLONCE_HANDLERS": "fulfil"},
        crew=("watch", "bot"),
        begin=_make_room,
        has_come=partial(_all_are_told, "fulfil"),
        verdicts=(partial(followed_up, handler="fulfil"), done_once),
        spared=STARTING,
        actions=("kill", "stop"),
    ),
    Scenario(
        "handler: longer than its claim",
        "courier ponder",
        some("order", 1),
        Start.QUEUED,
        handler="ponder",
        settings={"TELLONCE_HANDLERS": "ponder", **BRIEFLY},
        crew=("watch", "bot"),
        has_come=partial(_all_are_told, "ponder"),
        verdicts=(partial(followed_up, handler="ponder"),),
        spared=STARTING,
        actions=("stop",),
    ),
)
