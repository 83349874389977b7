"""`tellonce schedule add` and `edit`: what is said about a schedule."""

from datetime import datetime
from typing import Annotated, Any

import typer

from telemetry.cli.opening import answer, read_config, read_settings
from telemetry.cli.printing import mistake, moment
from telemetry.cli.scheduled import Name, contended, find, look_up, say_next
from telemetry.cli.send import read_property
from telemetry.core.due import Missed
from telemetry.core.errors import ConfigurationError, TellonceError
from telemetry.core.schedule import DATABASE, FILE, Entry, Schedule
from telemetry.core.timing import Once, alike
from telemetry.runtime.config import SCHEDULES
from telemetry.runtime.schedules import TIMINGS, read_entry, spell_entry
from telemetry.store.client import Connection, DatabaseClock
from telemetry.store.schedules import Schedules

CronText = Annotated[str | None, typer.Option("--cron", help="Five fields, as in '0 9 * * 1-5'.")]
EveryText = Annotated[str | None, typer.Option("--every", help="An interval, as in 90s, 15m or 36h.")]
AtText = Annotated[str | None, typer.Option("--at", help="Once, as in 2026-12-24T18:00.")]
Zone = Annotated[str | None, typer.Option("--zone", help="The time zone, as in Europe/Berlin (UTC).")]
About = Annotated[str | None, typer.Option("--distinct-id", help="Whom the event is about (the schedule's name).")]
Properties = Annotated[
    list[str] | None, typer.Option("--property", "-p", help="name=text or name:=JSON; again for more.")
]
MissedChoice = Annotated[Missed | None, typer.Option("--missed", help="What becomes of missed ones (latest).")]


def add(
    name: Name,
    *,
    event: Annotated[str, typer.Option("--event", "-e", help="The type of the event.")],
    cron: CronText = None,
    every: EveryText = None,
    at: AtText = None,
    zone: Zone = None,
    distinct_id: About = None,
    properties: Properties = None,
    missed: MissedChoice = None,
) -> None:
    """Add a schedule; running watchers tell its events from now on."""
    settings = read_settings()
    if name in read_config(settings).section(SCHEDULES):
        raise ConfigurationError(f"{name}: tellonce.toml has a schedule of that name; change it there")
    told = _told(event=event, cron=cron, every=every, at=at, zone=zone, distinct_id=distinct_id, missed=missed)
    told |= _properties(properties)
    # What is wrong with it is said even while the database is away.
    _read(DatabaseClock().now(), name, told)

    async def put(connection: Connection) -> Schedule | None:
        schedules = Schedules(connection)
        entry = _read(connection.clock.now(), name, told)
        known = await look_up(schedules, name)
        if known is None or known.removed:
            return await schedules.get(name) if await schedules.add(name, entry, DATABASE, known) else None
        return None

    added = answer(put, settings)
    if added is None:
        mistake(f"{name}: there is a schedule of that name; `tellonce schedule edit {name}` changes it")
        raise typer.Exit(1)
    say_next(added, "is added")


def edit(
    name: Name,
    *,
    event: Annotated[str | None, typer.Option("--event", "-e", help="The type of the event.")] = None,
    cron: CronText = None,
    every: EveryText = None,
    at: AtText = None,
    zone: Zone = None,
    distinct_id: About = None,
    properties: Properties = None,
    missed: MissedChoice = None,
) -> None:
    """Change what is given, and nothing else; given properties take the place of all."""
    told = _told(event=event, cron=cron, every=every, at=at, zone=zone, distinct_id=distinct_id, missed=missed)
    told |= _properties(properties)
    if not told:
        raise ConfigurationError(f"{name}: say what to change, as in --cron '0 9 * * 1-5'")

    async def change(connection: Connection) -> tuple[Schedule, Schedule]:
        schedules = Schedules(connection)
        known = await find(schedules, name)
        if known.source == FILE:
            raise ConfigurationError(f"{name}: it is in tellonce.toml; change it there")
        if known.upcoming is None and not told.keys() & set(TIMINGS):
            raise TellonceError(f"{name}: it has ended; give it another timing too, as in --at 2026-12-24T18:00")
        fresh = _read(connection.clock.now(), name, _merged(known.entry, told))
        if not await schedules.edit(known, fresh, DATABASE):
            raise contended(name)
        return known, await find(schedules, name)

    before, after = answer(change)
    same = alike(before.entry.timing, after.entry.timing)
    say_next(after, "is changed" if same else "has another timing")


def _read(now: datetime, name: str, told: dict[str, Any]) -> Entry:
    entry = read_entry(name, told, now, "schedule", name)
    if "at" in told and isinstance(entry.timing, Once) and entry.timing.moment <= now:
        raise ConfigurationError(f"schedule: {name}.at: expected a time to come, not {moment(entry.timing.moment)}")
    return entry


def _merged(known: Entry, told: dict[str, Any]) -> dict[str, Any]:
    spelt = spell_entry(known)
    if any(each in told for each in TIMINGS):
        spelt = {field: value for field, value in spelt.items() if field not in TIMINGS}
    return spelt | told


def _told(**given: Any) -> dict[str, Any]:
    return {field: value for field, value in given.items() if value is not None}


def _properties(typed: list[str] | None) -> dict[str, Any]:
    return {"properties": dict(map(read_property, typed))} if typed else {}
