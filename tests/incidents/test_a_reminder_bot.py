"""
A reminder bot fired reminders two and three times, as its queue never got the policy that was meant to stop repeats
and it looked for them outside its lock; once it looked well, it swallowed a new reminder as a repeat of an old one.
It told a thousand groups at a pace that could be paused, resumed and cancelled, and each of these could double it.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import anyio
import pytest

from telemetry.core.run import RunState
from telemetry.core.schedule import read_occurrence
from telemetry.ops.audit import audit
from telemetry.ops.progress import progress_of
from telemetry.store.events import Events
from telemetry.store.runs import Runs
from tests.e2e.conftest import OpenWorld
from tests.e2e.world import World
from tests.incidents.reminders import CHANNELS, DISCORD, MEMBERS, PARTS, PEOPLE, Reminders, all_parts
from tests.until import until

SOON = timedelta(seconds=2)
EVERYTHING = MEMBERS * PARTS


def now() -> datetime:
    return datetime.now(UTC)


async def state_of(world: World, name: str) -> RunState | None:
    """How a reminder's run stands."""
    run = await Runs(world.connection).read(f"reminder:{name}|discord")
    return run.state if run else None


async def finished(world: World, name: str) -> None:
    """Wait until everyone was reminded."""

    async def is_finished() -> bool:
        """The run has come to its end."""
        return await state_of(world, name) is RunState.FINISHED

    await until(is_finished)


@pytest.mark.slow
async def test_a_run_is_held_up_goes_on_and_is_cancelled_three_at_a_time_and_in_order(open_world: OpenWorld) -> None:
    """Meanwhile Discord takes nothing, so that no more goes on than is known here."""
    async with open_world(**DISCORD) as world:
        reminders = Reminders(world)
        await reminders.set_groups()
        await reminders.begin("ingest", "watch", "bot")
        await reminders.stuck_after(6, "picnic")

        code, said = await world.typed("pause", "run:reminder:picnic", "--reason", "rain?", "--by", "anna")
        assert 0 == code, said
        assert "run:reminder:picnic|discord is paused: 6 of 36 deliveries came to something, 3 on their way" in said
        world.discord.faults.clear()

        async def at_rest() -> bool:
            """What was on its way has arrived."""
            run = await Runs(world.connection).read("reminder:picnic|discord")
            return run is not None and not run.active

        await until(at_rest)
        (held_up,) = await progress_of(world.connection, "reminder:picnic")
        assert (RunState.PAUSED, 9, EVERYTHING - 9) == (held_up.state, held_up.delivered, held_up.waiting)
        assert 9 == reminders.number_told()

        code, said = await world.typed("resume", "run:reminder:picnic")
        assert 0 == code, said
        await finished(world, "picnic")
        assert dict.fromkeys({**CHANNELS, **PEOPLE}, all_parts("picnic")) == reminders.told("picnic")

        await reminders.stuck_after(4, "walk")
        code, said = await world.typed("cancel", "run:reminder:walk", "--reason", "storm", "--by", "anna")
        assert 0 == code, said
        world.discord.faults.clear()

        async def over() -> bool:
            """What was on its way has arrived, and the rest is left out."""
            run = await Runs(world.connection).read("reminder:walk|discord")
            return run is not None and run.state is RunState.PARTIAL and run.is_over

        await until(over)
        assert 7 == reminders.number_told("walk")
        for told in reminders.told("walk").values():
            assert told == all_parts("walk")[: len(told)]
        audited = await audit(world.connection, "reminder:walk", EVERYTHING)
        assert audited is not None
        assert (EVERYTHING, 7, EVERYTHING - 7) == (audited.expected, audited.delivered, audited.missing)
        assert {"skipped: cancelled by anna: storm"} == {missing.why for missing in audited.named}
        assert reminders.at_once() <= 3
        assert await reminders.holds()


@pytest.mark.slow
async def test_whoever_reschedules_last_is_heard_once_however_many_do_so_at_once(open_world: OpenWorld) -> None:
    """Three at once invoke each revision; an older one that comes late changes nothing."""
    async with open_world(**DISCORD) as world:
        reminders = Reminders(world)
        await reminders.set_groups()
        await reminders.begin("ingest", "ingest", "watch", "watch", "bot")
        answers: Counter[tuple[int, str]] = Counter()
        due = {revision: now() + timedelta(hours=3 - revision) for revision in range(3)} | {3: now() + SOON}
        invoked = [(revision, ingest) for revision in due for ingest in (0, 1, 0)]
        Random(3).shuffle(invoked)

        async def invoke(revision: int, ingest: int) -> None:
            said = await reminders.remind("tea", due[revision], ingest, revision=revision, text=f"the {revision}.")
            answers[revision, said] += 1

        async with anyio.create_task_group() as group:
            for revision, ingest in invoked:
                group.start_soon(invoke, revision, ingest)
        assert 12 == answers.total()
        # What came after a newer one was superseded; of three at once one is accepted.
        assert 1 == answers[3, "accepted"]
        assert all(answers[revision, "accepted"] <= 1 for revision in due), answers
        (event,) = await Events(world.connection).fetch(["reminder:tea"])
        assert (3, due[3].replace(microsecond=due[3].microsecond // 1000 * 1000)) == (event.revision, event.deliver_at)

        await finished(world, "tea")
        assert "too_late" == await reminders.remind("tea", now() + SOON, revision=4)
        assert dict.fromkeys({**CHANNELS, **PEOPLE}, all_parts("tea")) == reminders.told("tea")
        said = [e["description"] for place in CHANNELS for m in world.discord.messages(place) for e in m.embeds]
        assert ["the 3."] * len(CHANNELS) == said
        assert await reminders.holds()


@pytest.mark.slow
async def test_a_reminder_that_came_due_while_everything_was_down_is_told_late_and_once(open_world: OpenWorld) -> None:
    async with open_world(**DISCORD) as world:
        reminders = Reminders(world)
        await reminders.set_groups()
        due = now() + SOON
        for daemon in await reminders.begin("ingest"):
            assert "accepted" == await reminders.remind("tea", due)
            daemon.kill()

        async def is_past() -> bool:
            """It should have been told by now."""
            return world.connection.clock.now() > due

        await until(is_past)
        await reminders.begin("watch", "watch", "bot", "bot")

        await finished(world, "tea")
        assert dict.fromkeys({**CHANNELS, **PEOPLE}, all_parts("tea")) == reminders.told()
        assert await reminders.holds()


@pytest.mark.slow
async def test_an_edited_schedule_swallows_no_new_reminder_and_leaves_no_old_one(world: World) -> None:
    world.write_config("[types.tea]\nkey = 'per occurrence'\n")
    code, said = await world.typed("schedule", "add", "tea", "--every", "1s", "--event", "sign_up")
    assert 0 == code, said
    for daemon in (world.start("watch"), world.start("watch"), world.start("bot")):
        await daemon.ready()

    async def shown(incarnation: int, number: int) -> bool:
        """So many occurrences are shown."""
        return len(await occurrences(incarnation)) >= number

    async def occurrences(incarnation: int) -> list[datetime]:
        found = [read_occurrence(key) for key in world.shown()]
        assert None not in found
        return [at for told in found if told and told[1] == incarnation for at in (told[2],)]

    await until(lambda: shown(1, 3))
    code, said = await world.typed("schedule", "edit", "tea", "--every", "2s")
    assert 0 == code, said
    edited = now()
    await until(lambda: shown(2, 3))
    first, second = await occurrences(1), await occurrences(2)
    assert {timedelta(seconds=1)} == {later - earlier for earlier, later in pairwise(first)}
    assert {timedelta(seconds=2)} == {later - earlier for earlier, later in pairwise(second)}
    assert max(first) < edited
    assert max(first) < min(second)
    assert len(world.shown()) == len(set(world.shown()))
