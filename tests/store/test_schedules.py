"""A schedule's row: who may change it, and which occurrences were decided before."""

from datetime import UTC, datetime, timedelta

import anyio
import pytest

from telemetry.core.cron import Cron
from telemetry.core.due import Due, Missed, Span
from telemetry.core.schedule import Entry, Schedule
from telemetry.core.timing import Every, Once, Timing
from telemetry.store.client import Connection
from telemetry.store.schedules import Schedules
from tests.timed import an_entry

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def schedules(connection: Connection) -> Schedules:
    return Schedules(connection)


async def added(schedules: Schedules, entry: Entry | None = None) -> Schedule:
    assert await schedules.add("hourly", entry or an_entry(), "database", None)
    return await known(schedules)


async def known(schedules: Schedules) -> Schedule:
    found = await schedules.get("hourly")
    assert found is not None
    return found


@pytest.mark.parametrize("timing", [Cron("0 9 * * 1-5", "Europe/Berlin"), Every(900, NOON), Once(NOON)])
async def test_a_schedule_is_read_as_it_was_added(schedules: Schedules, timing: Timing) -> None:
    odd = {"$set": {"a.b": [1, 2.5, None, "Zoë"]}, "100%": True}
    entry = an_entry(timing, properties=odd, zone="Europe/Berlin", missed=Missed.ALL)
    found = await added(schedules, entry)
    assert (entry, 1, 1, "database") == (found.entry, found.incarnation, found.revision, found.source)
    assert not found.paused
    assert not found.removed


async def test_a_name_is_taken_once_and_a_repeated_try_of_the_same_is_no_other(
    schedules: Schedules, connection: Connection
) -> None:
    found = await added(schedules)
    assert not await schedules.add("hourly", an_entry(event="other"), "database", None)
    assert found == await known(schedules)


async def test_what_was_decided_before_an_edit_is_told_with_what_was_said_then(schedules: Schedules) -> None:
    before = await added(schedules)
    assert await schedules.advance(before, Due([NOON], NOON)) is not None
    # Whoever edits has read the row before that.
    assert await schedules.edit(before, an_entry(Every(60, NOON), properties={"text": "new"}), "database")
    (firing,) = (await known(schedules)).firings
    assert ([NOON], 1, {"text": "hello"}) == (firing.occurrences, firing.incarnation, firing.properties)


async def test_what_was_not_decided_before_an_edit_never_is(schedules: Schedules) -> None:
    """
    An edit leaves no old occurrence, whatever a watcher has in memory.
    """
    before = await added(schedules)
    assert await schedules.edit(before, an_entry(Every(60, NOON)), "database")
    assert await schedules.advance(before, Due([NOON], NOON)) is None
    after = await known(schedules)
    assert ([], 2) == (after.firings, after.incarnation)
    assert after.cursor >= before.cursor


@pytest.mark.parametrize("change", ["pause", "remove"])
async def test_a_pause_and_a_removal_are_either_before_or_after_an_occurrence(
    schedules: Schedules, change: str
) -> None:
    before = await added(schedules)
    assert await getattr(schedules, change)(before)
    assert await schedules.advance(before, Due([NOON], NOON)) is None
    assert not (await known(schedules)).firings


async def test_two_that_decide_at_once_decide_once(schedules: Schedules) -> None:
    before = await added(schedules)
    won = []

    async def decide(moment: datetime) -> None:
        won.append(await schedules.advance(before, Due([moment], moment)))

    async with anyio.create_task_group() as group:
        for hours in range(8):
            group.start_soon(decide, NOON + hours * HOUR)
    assert 1 == len([one for one in won if one])
    assert 1 == len((await known(schedules)).firings)


async def test_two_that_edit_at_once_are_told_who_did(schedules: Schedules) -> None:
    before = await added(schedules)
    assert await schedules.edit(before, an_entry(event="one"), "database")
    assert not await schedules.edit(before, an_entry(event="other"), "database")
    # The same change again: the answer to the first try was lost.
    assert await schedules.edit(before, an_entry(event="one"), "database")
    after = await known(schedules)
    assert ("one", 2, 1) == (after.entry.event, after.revision, after.incarnation)


async def test_an_edit_of_what_is_said_keeps_the_timing_as_it_was(schedules: Schedules) -> None:
    before = await added(schedules, an_entry(Every(900, NOON)))
    assert await schedules.edit(before, an_entry(Every(900, NOON + HOUR), event="other"), "database")
    after = await known(schedules)
    assert (Every(900, NOON), 1, before.cursor) == (after.entry.timing, after.incarnation, after.cursor)


async def test_one_that_is_added_again_counts_on(schedules: Schedules) -> None:
    """
    The keys of its former life must not swallow the new ones.
    """
    before = await added(schedules)
    await schedules.advance(before, Due([NOON], NOON))
    assert await schedules.remove(before)
    gone = await known(schedules)
    assert gone.removed
    assert await schedules.add("hourly", an_entry(), "database", gone)
    again = await known(schedules)
    assert (2, False) == (again.incarnation, again.removed)
    assert again.cursor >= NOON
    assert [NOON] == again.firings[0].occurrences


async def test_a_firing_is_taken_away_once_it_is_told_and_no_other_is(schedules: Schedules) -> None:
    first = await schedules.advance(await added(schedules), Due([NOON], NOON))
    assert first is not None
    second = await schedules.advance(first, Due([NOON + HOUR], NOON + HOUR, Span(NOON, NOON, 1)))
    assert second is not None
    assert list(second.firings) == list((await known(schedules)).firings)
    for _ in range(2):
        await schedules.told("hourly", second.firings[0])
        assert [second.firings[1]] == list((await known(schedules)).firings)


async def test_after_a_pause_it_goes_on_from_now_and_knows_what_was_left_out(
    schedules: Schedules, connection: Connection
) -> None:
    before = await added(schedules, an_entry(Every(1, connection.clock.now().replace(microsecond=0) - HOUR)))
    long_ago = before.cursor - timedelta(minutes=30)
    await connection["schedules"].update_one({"_id": "hourly"}, {"$set": {"cursor": long_ago}})
    assert await schedules.pause(before)
    assert await schedules.resume(await known(schedules))
    after = await known(schedules)
    (left,) = after.left_out
    assert ("paused", "1000 and more", 1) == (left.why, str(left.span), left.incarnation)
    assert after.cursor >= before.cursor


async def test_what_was_left_out_is_remembered_to_a_bound(schedules: Schedules) -> None:
    now = await added(schedules)
    for hours in range(25):
        moment = NOON + hours * HOUR
        advanced = await schedules.advance(now, Due([], moment, Span(moment, moment, 1)))
        assert advanced is not None
        now = advanced
    after = await known(schedules)
    assert 20 == len(after.left_out)
    assert NOON + 24 * HOUR == after.left_out[-1].span.last
    assert not after.firings


async def test_a_row_that_cannot_be_read_takes_none_with_it(schedules: Schedules, connection: Connection) -> None:
    found = await added(schedules)
    await connection["schedules"].insert_many(
        [
            {"_id": "torn"},
            {"_id": "later", "timing": {"lunar": 1}, "zone": "UTC"},
            {"_id": "odd", "timing": {"cron": "0 0 30 2 *"}, "zone": "UTC"},
        ]
    )
    everything = await schedules.all()
    assert {"hourly": found} == everything.schedules
    assert {"torn", "later", "odd"} == everything.unreadable.keys()
