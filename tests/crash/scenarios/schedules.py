"""The watcher is struck while schedules fire, and somebody changes them just then."""

import asyncio
from functools import partial

from tests.crash.scenario import STARTING, Scenario, Start
from tests.crash.stage import Stage
from tests.crash.verdicts.schedules import all_told, fired, note, occurrences
from tests.until import came_true

NAMES = ("one", "other")
PATIENCE = 20.0


async def _every_second(stage: Stage) -> None:
    """Add two schedules that come every second, side by side."""
    added = [stage.ask("schedule", "add", name, "--every", "1s", "--event", "beat") for name in NAMES]
    assert [0, 0] == [daemon.code for daemon in await asyncio.gather(*added)]
    await note(stage)


async def _have_fired(times: int, stage: Stage) -> bool:
    """Nothing of them is to be stored, and each that is not stopped has fired so often."""
    going = [row["_id"] async for row in stage.database["schedules"].find({"paused": False, "incarnation": 1})]
    return await all_told(stage) and all([await fired(stage, name) >= times for name in going])


async def _stop(stage: Stage) -> None:
    """Have the next one tell some more, then put an end to it."""
    before = [await fired(stage, name) for name in NAMES]

    async def goes_on() -> bool:
        return all([await fired(stage, name) > known for name, known in zip(NAMES, before, strict=True)])

    await came_true(goes_on, PATIENCE)
    await asyncio.gather(*(stage.ask("schedule", "pause", name) for name in NAMES))


async def _change(stage: Stage) -> None:
    """Give one of them another timing, and pause the other."""
    await note(stage)
    one, other = NAMES
    await stage.ask("schedule", "edit", one, "--every", "2s")
    await stage.ask("schedule", "pause", other)
    await note(stage)


async def _stop_the_new_one(stage: Stage) -> None:
    """Have the next one tell something of the new timing, then put an end to that."""
    one, _ = NAMES
    await came_true(lambda: fired(stage, one, 2), PATIENCE)
    await stage.ask("schedule", "pause", one)


SCENARIOS = (
    Scenario(
        "watcher: schedules fire",
        "watch",
        (),
        Start.NOTHING,
        beside=("bot",),
        begin=_every_second,
        conclude=_stop,
        has_come=partial(_have_fired, 2),
        verdicts=(occurrences,),
        spared=STARTING,
        actions=("kill", "stop"),
    ),
    Scenario(
        "watcher: schedules are changed while they fire",
        "watch",
        (),
        Start.NOTHING,
        beside=("bot",),
        begin=_every_second,
        heal=_change,
        conclude=_stop_the_new_one,
        has_come=partial(_have_fired, 1),
        verdicts=(occurrences,),
        spared=STARTING,
        actions=("kill", "stop"),
    ),
)
