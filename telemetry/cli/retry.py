"""`tellonce retry`: let what is dead or parked be tried again."""

from typing import Annotated

import typer

from telemetry.cli.opening import answer
from telemetry.cli.printing import count, mistake, say
from telemetry.core.delivery import State
from telemetry.ops.standing import count_meant
from telemetry.ops.standing import retry as put_back
from telemetry.store.client import Connection
from telemetry.store.selection import Selection


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def retry(
        name: Annotated[str | None, typer.Argument(help="An event's key, or a delivery's id.")] = None,
        *,
        dead: Annotated[bool, typer.Option("--dead", help="Everything that is dead.")] = False,
        parked: Annotated[bool, typer.Option("--parked", help="Everything that is parked.")] = False,
        destination: Annotated[str | None, typer.Option(help="Only for this destination.")] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    ) -> None:
        """Try dead or parked deliveries again. They stay the same messages: one that did arrive is not told twice."""
        if name is None and not dead and not parked:
            raise typer.BadParameter("say what: an event's key, a delivery's id, --dead or --parked")
        selection = _selection(name, dead=dead, parked=parked, destination=destination)
        if answer(lambda connection: _retry(connection, selection, dry_run=dry_run)):
            return
        if name is None:
            say("there is nothing to retry")
        else:
            mistake(f"{name}: neither dead nor parked; `tellonce explain '{name}'` tells how it stands")
            raise typer.Exit(1)


def _selection(name: str | None, *, dead: bool, parked: bool, destination: str | None) -> Selection:
    chosen = tuple(state for state, wanted in ((State.DEAD, dead), (State.PARKED, parked)) if wanted)
    one = name is not None and "|" in name
    return Selection(
        states=chosen or (State.DEAD, State.PARKED),
        event=None if one else name,
        delivery=name if one else None,
        destination=destination,
    )


async def _retry(connection: Connection, selection: Selection, *, dry_run: bool) -> bool:
    counts = await count_meant(connection, selection)
    for consumer, number in counts.items():
        say(f"{consumer}: {count(number, 'delivery', 'deliveries')}")
    if counts and dry_run:
        say("a dry run: nothing was changed")
    elif counts:
        done = await put_back(connection, selection, list(counts))
        say(f"{count(done, 'delivery is', 'deliveries are')} pending again")
    return bool(counts)
