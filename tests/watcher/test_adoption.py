"""The file's schedules are brought into the database when a watcher starts."""

import anyio
from structlog.testing import capture_logs

from telemetry.core.schedule import Schedule
from telemetry.core.timing import Once
from telemetry.store.client import Connection
from telemetry.store.schedules import Schedules
from telemetry.watcher.adoption import adopt
from tests.timed import add, an_entry, every, get


async def rows(connection: Connection) -> dict[str, Schedule]:
    return dict((await Schedules(connection).all()).schedules)


async def test_what_the_file_has_is_added_edited_and_removed_and_nothing_else(connection: Connection) -> None:
    schedules, now = Schedules(connection), connection.clock.now()
    mine = await add(connection, "mine", an_entry())
    await adopt(schedules, {"a": an_entry(), "b": an_entry(every(60, now))})
    first = await rows(connection)
    assert {"a": "file", "b": "file", "mine": "database"} == {name: one.source for name, one in first.items()}

    with capture_logs() as lines:
        await adopt(schedules, {"a": an_entry(event="other")})
    second = await rows(connection)
    assert ("other", 1, 2) == (second["a"].entry.event, second["a"].incarnation, second["a"].revision)
    assert second["b"].removed
    assert mine == second["mine"]
    assert ["schedule.edited", "schedule.removed"] == [line["event"] for line in lines]


async def test_the_same_file_changes_nothing(connection: Connection) -> None:
    """
    However often a watcher starts: an interval goes on from where it was counted.
    """
    schedules, now = Schedules(connection), connection.clock.now()
    odd = {"$x": [1, 1.0, {"a.b": None}]}
    await adopt(schedules, {"a": an_entry(properties=odd), "b": an_entry(every(60, now))})
    first = await rows(connection)
    await adopt(schedules, {"a": an_entry(properties=odd), "b": an_entry(every(60, first["b"].cursor))})
    assert first == await rows(connection)


async def test_watchers_that_start_at_once_add_it_once(connection: Connection) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(adopt, Schedules(connection), {"a": an_entry(), "b": an_entry()})
    found = await rows(connection)
    assert [(1, 1), (1, 1)] == [(one.incarnation, one.revision) for one in found.values()]


async def test_the_file_wins_over_one_that_was_added_and_says_so(connection: Connection) -> None:
    await add(connection, "a", an_entry(event="typed"))
    with capture_logs() as lines:
        await adopt(Schedules(connection), {"a": an_entry(event="filed")})
    after = await get(connection, "a")
    assert ("filed", "file") == (after.entry.event, after.source)
    assert ["schedule.taken_over", "schedule.edited"] == [line["event"] for line in lines]


async def test_a_paused_one_stays_paused_whatever_the_file_says(connection: Connection) -> None:
    schedules = Schedules(connection)
    await adopt(schedules, {"a": an_entry()})
    await schedules.pause(await get(connection, "a"))
    await adopt(schedules, {"a": an_entry(event="other")})
    after = await get(connection, "a")
    assert (True, "other") == (after.paused, after.entry.event)


async def test_one_that_comes_back_into_the_file_counts_on(connection: Connection) -> None:
    schedules = Schedules(connection)
    for file in ({"a": an_entry()}, {}, {"a": an_entry()}):
        await adopt(schedules, file)
    after = await get(connection, "a")
    assert (2, False) == (after.incarnation, after.removed)


async def test_a_moment_that_is_past_when_it_comes_and_a_row_that_cannot_be_read_are_said(
    connection: Connection,
) -> None:
    await connection["schedules"].insert_one({"_id": "torn"})
    late = an_entry(Once(connection.clock.now().replace(year=2020, day=1)))
    with capture_logs() as lines:
        await adopt(Schedules(connection), {"late": late, "torn": an_entry()})
    assert ["schedule.unreadable", "schedule.ended", "schedule.added"] == [line["event"] for line in lines]
