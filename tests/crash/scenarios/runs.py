"""The watcher is struck while it fans out, and while runs are paused, resumed and cancelled."""

from functools import partial

from tests.crash.audiences import MEMBERS, OTHER_MEMBERS, OTHER_STAFF, set_audience, set_audiences
from tests.crash.scenario import STARTING, Scenario, Start, some
from tests.crash.stage import Stage
from tests.crash.verdicts.runs import HOW, NOTED, audited, members, none_is_open
from tests.until import came_true

# Two members a page.
SMALL = {"TELLONCE_BATCH": "3", "TELLONCE_RUN_DESTINATIONS": "4"}
NEWS = some("news", 2)
PAUSED, CANCELLED = (f"run:{fact.key}" for fact in NEWS)
PATIENCE = 20.0


async def _others_join(stage: Stage) -> None:
    """Change who is meant while that is being told."""
    await set_audience(stage, "staff", OTHER_STAFF)


async def _pause_and_cancel(stage: Stage) -> None:
    """Pause one run and cancel the other: either may be too early."""
    paused = await stage.ask("pause", PAUSED, *HOW)
    await stage.ask("cancel", CANCELLED, *HOW)
    if paused.code == 0:
        stage.noted[PAUSED] = await _out(stage)


async def _resume(stage: Stage) -> None:
    """Once the cancelled run is over, let the paused one go on; meanwhile it let nothing out."""

    async def cancelled() -> bool:
        runs = stage.database["runs"]
        return bool(await runs.count_documents({"event": NEWS[1].key, "open": {"$exists": False}}))

    await came_true(cancelled, PATIENCE)
    if PAUSED in stage.noted and (more := await _out(stage) - stage.noted[PAUSED]):
        stage.noted[NOTED] = [f"let out of a paused run: {sorted(more)}"]
    await stage.ask("resume", PAUSED)


async def _out(stage: Stage) -> set[str]:
    """Name what is let out of the run that is paused."""
    key = NEWS[0].key
    rows = stage.database["discord_queue"].find({"event": key, "state": {"$ne": "held"}})
    run = await stage.database["runs"].find_one({"event": key}) or {}
    return {row["_id"] async for row in rows} | {*run.get("active", ())}


SCENARIOS = (
    Scenario(
        "watcher: a fan-out half-way",
        "watch",
        some("news", 1),
        Start.STORED,
        beside=("bot",),
        settings=SMALL,
        prepare=set_audiences,
        heal=_others_join,
        has_come=none_is_open,
        verdicts=(partial(members, possible=(MEMBERS, OTHER_MEMBERS)), audited),
        spared=STARTING,
        actions=("kill", "stop"),
    ),
    Scenario(
        "watcher: runs are paused, resumed and cancelled",
        "watch",
        NEWS,
        Start.STORED,
        beside=("bot",),
        settings=SMALL,
        prepare=set_audiences,
        heal=_pause_and_cancel,
        conclude=_resume,
        has_come=none_is_open,
        verdicts=(partial(members, possible=(MEMBERS,)), audited),
        spared=STARTING,
        actions=("kill", "stop"),
    ),
)
