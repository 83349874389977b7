"""Schedules as tests name them: only what matters is said."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from telemetry.core.cron import Cron
from telemetry.core.schedule import Entry, Schedule
from telemetry.core.timing import Every, Timing
from telemetry.store.client import Connection
from telemetry.store.schedules import Schedules

HOURLY = Cron("0 * * * *", "UTC")


def an_entry(timing: Timing = HOURLY, **said: Any) -> Entry:
    """Make what is said about a schedule."""
    return replace(Entry(timing, "UTC", "reminder", "team", {"text": "hello"}), **said)


def every(seconds: int, now: datetime) -> Every:
    """Make an interval that is counted from a day ago."""
    return Every(seconds, now.replace(microsecond=0) - timedelta(days=1))


async def add(connection: Connection, name: str, entry: Entry, *, asleep: float = 0) -> Schedule:
    """Add a schedule, of which nothing was told for so many seconds."""
    schedules = Schedules(connection)
    assert await schedules.add(name, entry, "database", None)
    since = connection.clock.now() - timedelta(seconds=asleep)
    await connection["schedules"].update_one({"_id": name}, {"$set": {"cursor": since}})
    return await get(connection, name)


async def get(connection: Connection, name: str) -> Schedule:
    """Read one that is there."""
    found = await Schedules(connection).get(name)
    assert found is not None
    return found
