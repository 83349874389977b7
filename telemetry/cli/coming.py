"""What `tellonce schedule list` and `tellonce schedule next` show."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from telemetry.cli.opening import answer
from telemetry.cli.printing import AsJson, console, mistake, moment, say, show_json, table
from telemetry.core.errors import TellonceError
from telemetry.ops.schedules import Listed, coming, list_schedules, present
from telemetry.runtime.config import nearest
from telemetry.store.client import Connection
from telemetry.store.schedules import Found, Schedules

NONE = "there are no schedules; `tellonce schedule add NAME --cron … --event …` adds one"
Number = Annotated[int, typer.Option("-n", "--number", help="So many.", min=1, max=1000)]


def list_all(*, as_json: AsJson = False) -> None:
    """List the schedules and how they stand."""
    found = answer(lambda connection: Schedules(connection).all())
    rows = list_schedules(found.schedules)
    for name, why in found.unreadable.items():
        mistake(f"{name}: its row cannot be read: {why}; was it written by a later version?")
    if as_json:
        show_json(rows)
    elif not rows:
        say(NONE)
    else:
        columns = ("schedule", "timing", "zone", "event", "missed", "by", "state", "next")
        drawn = [(row.name, row.timing, row.zone, row.event, row.missed, row.source, *_state(row)) for row in rows]
        console().print(table("Schedules", columns, drawn))


def show_next(
    name: Annotated[str | None, typer.Argument(help="Only this schedule.")] = None,
    *,
    number: Number = 5,
    as_json: AsJson = False,
) -> None:
    """Show what comes next, in each schedule's zone and in UTC."""
    found, now = answer(_read)
    known = present(found.schedules)
    if name is not None and name not in known:
        raise TellonceError(f"{name}: there is no such schedule{nearest(name, known)}")
    chosen = [one for one in known.values() if name in (None, one.name)]
    rows = [(row.name, row.at.astimezone(ZoneInfo(row.zone)), row.zone, row.at) for row in coming(chosen, now, number)]
    if as_json:
        show_json([{"name": each, "at": at, "local": local, "zone": zone} for each, local, zone, at in rows])
    elif rows:
        drawn = [(each, f"{local:%a %Y-%m-%d %H:%M:%S}", zone, moment(at)) for each, local, zone, at in rows]
        console().print(table("Next", ("schedule", "there", "zone", "UTC"), drawn))
    else:
        say("nothing comes: it is paused or has ended" if chosen else NONE)


async def _read(connection: Connection) -> tuple[Found, datetime]:
    return await Schedules(connection).all(), connection.clock.now()


def _state(row: Listed) -> tuple[str, str]:
    return row.state, moment(row.next)
