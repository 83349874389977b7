"""`tellonce consumers`: who is owed events."""

from typing import Annotated

import typer

from telemetry.cli.opening import answer, read_config, read_settings
from telemetry.cli.printing import AsJson, console, count, mistake, moment, say, show_json, table
from telemetry.ops.consumers import owed_to, write_off
from telemetry.runtime.config import installed_consumers
from telemetry.runtime.families import family_consumers
from telemetry.store.registry import Registry

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def command(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="List who is owed events, or write one off.", rich_markup_mode=None)
    group.callback(invoke_without_command=True)(_list)
    group.command("remove")(_remove)
    app.add_typer(group, name="consumers")


def _list(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List who is owed events, or write one off."""
    if context.invoked_subcommand is not None:
        return
    registered = answer(lambda connection: Registry(connection).read())
    settings = read_settings()
    families = family_consumers(settings, read_config(settings))
    installed = installed_consumers() | {consumer.name for consumer in families}
    if as_json:
        show_json([{**_row(row), "installed": row.name in installed} for row in registered.values()])
        return
    rows = [
        (row.name, moment(row.since), row.pause.line if row.pause else "", "" if row.name in installed else "not here")
        for row in registered.values()
    ]
    console().print(table("Consumers", ("consumer", "registered since", "", "installed"), rows))
    for name in sorted(installed - registered.keys()):
        say(f"{name} is installed; it is registered when a watcher starts")


def _row(row: object) -> dict[str, object]:
    return {name: getattr(row, name) for name in ("name", "since", "paused", "pause")}


def _remove(name: str, *, yes: Yes = False) -> None:
    """Write a consumer off: what it is still owed, it will not hear of. Its queue stays."""
    owed = answer(lambda connection: owed_to(connection, name))
    if owed is None:
        mistake(f"{name}: no such consumer is registered")
        raise typer.Exit(1)
    if not yes:
        said = f"{name} is owed {count(owed, 'event')}, which it will not hear of. Write it off?"
        typer.confirm(said, abort=True)
    done = answer(lambda connection: write_off(connection, name))
    say(f"{name} is written off, with {count(done.owed, 'event')} owed; {count(done.settled, 'event')} settled")
    say("a watcher that has it installed registers it again when it starts")
