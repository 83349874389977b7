"""Whatever happens to the watchers, each occurrence of a schedule is shown once."""

from datetime import timedelta
from itertools import pairwise

import pytest

from telemetry.core.schedule import read_occurrence
from tests.e2e.world import World
from tests.until import until

EVERY_SECOND = """
[schedules.often]
event = "sign_up"
every = "1s"
missed = "all"
"""


@pytest.mark.slow
async def test_each_occurrence_is_shown_once_wherever_watchers_are_killed(world: World) -> None:
    """
    Three are killed: right after one was decided, after its event was stored, and before that was noted.
    """
    world.write_config(EVERY_SECOND)
    for place in ("decided", "inserted", "told"):
        watcher = world.start("watch", place)
        await watcher.caught()
        watcher.kill()
    # A standby beside it: both have the schedule in their file.
    for _ in range(2):
        world.start("watch")
    world.start("bot")

    async def enough() -> bool:
        """The time of the killed ones is made up for, and more came."""
        return len(world.shown()) >= 20

    await until(enough)
    shown = world.shown()
    occurrences = [found for key in shown if (found := read_occurrence(key))]
    assert {("often", 1)} == {(name, incarnation) for name, incarnation, _ in occurrences}
    assert len(shown) == len(occurrences)
    assert {timedelta(seconds=1)} == {later - one for (_, _, one), (_, _, later) in pairwise(occurrences)}
