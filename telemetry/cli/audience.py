"""`tellonce audience`: whom routes mean by a name, changed while everything runs."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from telemetry.cli.consumers import Yes
from telemetry.cli.members import read_members
from telemetry.cli.opening import answer, read_config, read_settings
from telemetry.cli.printing import AsJson, console, count, moment, progress, say, show_json, table
from telemetry.cli.reading import opened_file, standard_input
from telemetry.core.audience import DESTINATIONS, NESTED, check_audience_name
from telemetry.core.errors import ConfigurationError, TellonceError
from telemetry.ops.audiences import Gathered, find, find_removable, named, put, remove
from telemetry.store.audiences import Audience, Audiences
from telemetry.store.client import Connection
from telemetry.watcher.consumers import load_consumers

STDIN = "-"

Name = Annotated[str, typer.Argument(help="The audience's name.")]
File = Annotated[str, typer.Argument(help='A file with one member a line; or "-": from stdin.')]


def command(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Say whom routes mean by a name.", rich_markup_mode=None, no_args_is_help=True)
    group.command("set")(_set)
    group.command("list")(_list)
    group.command("show")(_show)
    group.command("remove")(_remove)
    app.add_typer(group, name="audience")


def _set(
    name: Name, file: File, *, empty: Annotated[bool, typer.Option("--empty", help="It may have no member.")] = False
) -> None:
    """Make an audience what a file says: one member a line, as in discord:112233445566778899; # begins a comment.

    Members are discord:CHANNEL, discord-user:USER, webhook:ENDPOINT and audience:NAME. What is told from then on is
    told to them; what is on its way goes on to whom it was meant for. Exit 2 for a wrong line, changing nothing.
    """
    _check_name(name)
    settings = read_settings()
    with ExitStack() as room, progress() as shown:
        # Read to its end before anything is written: what is wrong with a line is known by then.
        members = _read(file, room, shown)
        task = shown.add_task("written", total=members.given)

        def written(count: int) -> None:
            shown.update(task, completed=count)

        done = answer(lambda here: put(here, name, members, may_be_empty=empty, written=written), settings)
    folded = f", {count(done.duplicates, 'duplicate')} folded" if done.duplicates else ""
    nested = f" and {count(len(done.includes), 'audience')} in it" if done.includes else ""
    say(f"{name} has {count(done.count, 'member')}{nested}{folded} (version {done.version})")


def _read(file: str, room: ExitStack, shown: Progress) -> Gathered:
    source, size = standard_input(), 0
    if file != STDIN:
        source, size = room.enter_context(opened_file(Path(file))), Path(file).stat().st_size
    task = shown.add_task("read", total=size or None)
    where = "stdin" if file == STDIN else file
    return Gathered(read_members(source, where, lambda read: shown.update(task, completed=read)), room)


def _list(*, as_json: AsJson = False) -> None:
    """List the audiences."""
    found = answer(lambda connection: Audiences(connection).all())
    if as_json:
        show_json(found)
        return
    if not found:
        say("there are no audiences; `tellonce audience set NAME FILE` makes one")
        return
    rows = [(one.name, f"{one.count:,}", ", ".join(one.includes), one.version, moment(one.at)) for one in found]
    columns = ("audience", "members", "includes", "version", "set at")
    console().print(table("Audiences", columns, rows, right=("members", "version")))


def _show(
    name: Name,
    *,
    flat: Annotated[bool, typer.Option("--flat", help="The members of what it includes too, each once.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show an audience's members, one a line, as `tellonce audience set` takes them."""
    _check_name(name)

    async def stream(connection: Connection) -> None:
        audience = await find(connection, name)
        audiences = Audiences(connection)
        pinned = await audiences.pin([name]) if flat else {name: audience.version}
        await (_write_json if as_json else _write)(audience, flat, audiences.members(pinned, DESTINATIONS))

    answer(stream)


async def _write(audience: Audience, flat: bool, members: AsyncIterator[str]) -> None:
    sys.stdout.write(f"# {audience.name}, version {audience.version}, set at {moment(audience.at)}\n")
    sys.stdout.writelines(f"{NESTED}:{name}\n" for name in audience.includes if not flat)
    async for member in members:
        sys.stdout.write(f"{member}\n")


async def _write_json(audience: Audience, flat: bool, members: AsyncIterator[str]) -> None:
    # Written as it is read: a list of everyone might not fit in memory.
    head = {"name": audience.name, "version": audience.version, "count": audience.count, "flat": flat}
    head |= {"includes": list(audience.includes), "at": audience.at.isoformat()}
    sys.stdout.write(json.dumps(head, indent=2).removesuffix("\n}") + ',\n  "members": [')
    separator = "\n    "
    async for member in members:
        sys.stdout.write(separator + json.dumps(member))
        separator = ",\n    "
    sys.stdout.write("\n  ]\n}\n")


def _remove(name: Name, *, yes: Yes = False) -> None:
    """Remove an audience that nothing includes and no route names; what is on its way goes on."""
    _check_name(name)
    settings = read_settings()
    if entries := named(load_consumers(read_config(settings), settings)).get(name):
        raise TellonceError(f"audience {name!r}: {', '.join(entries)} names it; change the file first")
    audience = answer(lambda connection: find_removable(connection, name), settings)
    if not yes:
        typer.confirm(f"{name} has {count(audience.count, 'member')}. Remove it?", abort=True)
    answer(lambda connection: remove(connection, audience), settings)
    say(f"{name} is removed")


def _check_name(name: str) -> None:
    try:
        check_audience_name(name)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
