"""`tellonce schedule`: events that come by themselves."""

from typing import Annotated

import typer

from telemetry.cli.coming import list_all, show_next
from telemetry.cli.opening import answer
from telemetry.cli.printing import say
from telemetry.cli.schedule_entry import add, edit
from telemetry.cli.scheduled import Name, changed, find, say_next
from telemetry.core.errors import ConfigurationError, TellonceError
from telemetry.core.schedule import FILE, Schedule
from telemetry.store.client import Connection
from telemetry.store.schedules import Schedules

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def command(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Have events come by themselves.", rich_markup_mode=None, no_args_is_help=True)
    for verb in (add, edit, pause, resume, remove):
        group.command(verb.__name__)(verb)
    group.command("list")(list_all)
    group.command("next")(show_next)
    app.add_typer(group, name="schedule")


def pause(name: Name) -> None:
    """Have nothing come of a schedule, until it is resumed."""

    async def stop(schedules: Schedules, known: Schedule) -> bool:
        if known.paused:
            raise TellonceError(f"{name}: it is paused already; `tellonce schedule resume {name}` resumes it")
        if known.upcoming is None:
            raise TellonceError(f"{name}: it has ended, so there is nothing to pause")
        return await schedules.pause(known)

    changed(name, stop)
    say(f"{name} is paused; what would come meanwhile is left out")


def resume(name: Name) -> None:
    """Let a paused schedule go on from now."""

    async def go_on(schedules: Schedules, known: Schedule) -> bool:
        if not known.paused:
            raise TellonceError(f"{name}: it is not paused")
        return await schedules.resume(known)

    say_next(changed(name, go_on), "goes on")


def remove(name: Name, *, yes: Yes = False) -> None:
    """Remove a schedule; what has come of it stays."""

    async def look(connection: Connection) -> Schedule:
        return await find(Schedules(connection), name)

    if answer(look).source == FILE:
        raise ConfigurationError(f"{name}: it is in tellonce.toml; remove it there, then start the watcher anew")
    if not yes:
        typer.confirm(f"Nothing will come of {name} any more. Remove it?", abort=True)

    async def take_away(schedules: Schedules, known: Schedule) -> bool:
        return await schedules.remove(known)

    changed(name, take_away, gone=True)
    say(f"{name} is removed")
