"""What `explain` says of an occurrence: told, left out, or yet to come."""

from datetime import datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from telemetry.core.due import Missed
from telemetry.core.schedule import occurrence_key
from telemetry.ops.explain import Explanation, explain
from telemetry.store.client import Connection
from telemetry.store.events import Events
from telemetry.store.schedules import Schedules
from telemetry.watcher.metrics import WatchMetrics
from telemetry.watcher.timetable import Timetable
from tests.timed import add, an_entry, every, get

HOUR = timedelta(hours=1)


async def tell_all(connection: Connection) -> None:
    """Tell all that is due."""
    metrics = WatchMetrics(CollectorRegistry())
    timetable = Timetable(Schedules(connection), Events(connection), connection.clock, metrics, 600)
    await timetable.read()
    while not await timetable.round():
        pass


async def asked(connection: Connection, occurrence: datetime, incarnation: int = 1) -> Explanation | None:
    return await explain(connection, occurrence_key("reminder", "hourly", incarnation, occurrence))


@pytest.fixture
async def meant(connection: Connection) -> datetime:
    """The last occurrence of an hourly schedule that was asleep for three more; it is five minutes ago."""
    now = connection.clock.now()
    await add(connection, "hourly", an_entry(every(3600, now - timedelta(minutes=5))), asleep=3.5 * 3600)
    return now.replace(microsecond=0) - timedelta(minutes=5)


async def test_it_says_which_schedule_told_it_how_late_and_what_was_left_out_before(
    connection: Connection, meant: datetime
) -> None:
    await tell_all(connection)
    found = await asked(connection, meant)
    assert found is not None
    said = "\n".join(moment.what for moment in found.timeline)
    assert f"schedule hourly meant it for {meant:%Y-%m-%d %H:%M:%S} UTC, and told it 30" in said
    first, last = (f"{at:%Y-%m-%d %H:%M:%S}" for at in (meant - 3 * HOUR, meant - HOUR))
    assert f"left out right before it: 3, from {first} to {last} UTC: missed, and only the latest is told" in said


async def test_it_says_why_an_occurrence_was_left_out(connection: Connection, meant: datetime) -> None:
    found = await asked(connection, meant - 3 * HOUR)
    assert found is not None
    assert found.ahead[0].endswith("has yet to decide about it, as a watcher does within seconds (missed = latest)")
    await tell_all(connection)
    found = await asked(connection, meant - 2 * HOUR)
    assert found is not None
    assert (None, meant - 2 * HOUR) == (found.event, found.timeline[0].at)
    assert "schedule hourly left it out, one of 3 from" in found.ahead[0]
    assert found.ahead[0].endswith("missed, and only the latest is told (missed = latest)")
    assert None is await asked(connection, meant - 2 * HOUR, incarnation=2)
    assert None is await asked(connection, meant - 9 * HOUR)


async def test_it_says_that_a_pause_or_an_edit_left_it_out(connection: Connection, meant: datetime) -> None:
    schedules = Schedules(connection)
    await schedules.pause(await get(connection, "hourly"))
    await schedules.resume(await get(connection, "hourly"))
    paused = await asked(connection, meant - HOUR)
    assert paused is not None
    assert paused.ahead[0].endswith("the schedule was paused")

    await add(connection, "other", an_entry(every(3600, meant), missed=Missed.NONE), asleep=3.5 * 3600)
    known = await get(connection, "other")
    await schedules.edit(known, an_entry(every(60, meant)), "database")
    left = (await get(connection, "other")).left_out[0].span
    edited = await explain(connection, occurrence_key("reminder", "other", 1, left.last))
    assert edited is not None
    assert edited.ahead[0].endswith("the schedule was given another timing")


async def test_it_says_when_one_comes_that_is_yet_to_come(connection: Connection, meant: datetime) -> None:
    await tell_all(connection)
    found = await asked(connection, meant + HOUR)
    assert found is not None
    assert "schedule hourly (every 1h) tells it then" == found.ahead[0]
    assert None is await asked(connection, meant + HOUR / 2)
    await Schedules(connection).pause(await get(connection, "hourly"))
    found = await asked(connection, meant + HOUR)
    assert found is not None
    assert found.ahead[0].endswith("leaves it out while it is paused")
    await Schedules(connection).remove(await get(connection, "hourly"))
    assert None is await asked(connection, meant + HOUR)


async def test_a_key_that_only_looks_like_one_is_not_known(connection: Connection) -> None:
    await connection["schedules"].insert_one({"_id": "torn"})
    for key in ("reminder:torn#1@20261128T080000Z", "reminder:nobody#1@20261128T080000Z", "sign_up:u1"):
        assert None is await explain(connection, key)
