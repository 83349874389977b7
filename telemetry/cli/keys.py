"""`tellonce keys`: how each event type tells its facts apart, and switching that."""

from typing import Annotated

import anyio
import typer
from rich.progress import BarColumn, Progress, TextColumn

from telemetry.cli.opening import answer, opened, read_config, read_settings
from telemetry.cli.printing import AsJson, console, count, mistake, say, show_json, table
from telemetry.core.key import KeyPolicy
from telemetry.ops.keys import LEARNT_WITHIN, Compared, compare, switch

Settle = Annotated[float, typer.Option(min=0, help="Seconds in which every running ingest learns of the switch.")]


def command(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Compare the key policies with the file, or apply it.", rich_markup_mode=None)
    group.callback(invoke_without_command=True)(_list)
    group.command("apply")(_apply)
    app.add_typer(group, name="keys")


def _list(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Compare the key policies in force with the file's; exit 1 when they differ."""
    if context.invoked_subcommand is not None:
        return
    file = _file()
    found = answer(lambda connection: compare(connection, file))
    if as_json:
        show_json([_row(row) for row in found])
    else:
        _show(found)
    if any(row.needs_switch for row in found):
        raise typer.Exit(1)


def _apply(event_type: Annotated[str | None, typer.Argument()] = None, *, settle: Settle = LEARNT_WITHIN) -> None:
    """Put the file's key policy in force, for one type or all that differ. Safe to repeat, also after a crash.

    While a type is switched no event of it is taken. Facts stored so far go on blocking repeats under both keys.
    """
    file = _file()
    found = answer(lambda connection: compare(connection, file))
    if event_type is not None and not any(row.type == event_type and row.file for row in found):
        mistake(f"{event_type}: no such type in the file")
        raise typer.Exit(2)
    meant = [row for row in found if row.needs_switch and event_type in (None, row.type)]
    for row in meant:
        if row.file is not None:
            anyio.run(_switch, row.type, row.file, settle)
    if not meant:
        say("nothing to switch: the file's policies are in force")


async def _switch(event_type: str, to: KeyPolicy, settle: float) -> None:
    say(f"{event_type}: waiting {settle:g} s for running ingests to learn of the switch")
    screen = console(error=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed} events"),
        console=screen,
        disable=not screen.is_terminal,
        transient=True,
    ) as progress:
        task = progress.add_task(event_type, total=None)
        async with opened() as connection:
            done = await switch(
                connection, event_type, to, settle=settle, seen=lambda read: progress.update(task, completed=read)
            )
    say(f"{event_type}: {spelt(to)} is in force; {count(done.aliased, 'event')} of {done.events:,} got a second key")
    if done.keyless:
        say(f"{count(done.keyless, 'event')} hold nothing to make the new key from: a repeat of them is not known")


def _file() -> dict[str, KeyPolicy]:
    return {name: policy.key for name, policy in read_config(read_settings()).types.items()}


def _show(found: list[Compared]) -> None:
    rows = [(row.type, spelt(row.file), spelt(row.database), row.verdict) for row in found]
    console().print(table("Key policies", ("type", "in the file", "in force", "verdict"), rows))
    if any(row.needs_switch for row in found):
        say("`tellonce keys apply` puts the file's policies in force; until then ingest refuses to start")


def _row(row: Compared) -> dict[str, object]:
    spelt = {name: policy and policy.spelling for name, policy in _policies(row).items()}
    return {"type": row.type, **spelt, "verdict": row.verdict}


def _policies(row: Compared) -> dict[str, KeyPolicy | None]:
    return {"file": row.file, "database": row.database, "switching": row.switching}


def spelt(policy: KeyPolicy | None) -> str:
    """Spell a policy for a person."""
    if policy is None:
        return ""
    return policy.spelling if isinstance(policy.spelling, str) else ", ".join(policy.spelling)
