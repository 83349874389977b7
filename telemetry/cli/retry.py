"""`tellonce retry`: let what is dead or parked be tried again."""

import sys
from dataclasses import replace
from typing import Annotated

import typer

from telemetry.cli.consumers import Yes
from telemetry.cli.filters import Consumer, Destination, Kind, Rate, ReasonPart, Since, Until, When
from telemetry.cli.opening import answer
from telemetry.cli.printing import count, mistake, progress, say
from telemetry.cli.standing import dated
from telemetry.core.delivery import State
from telemetry.ops.paces import USUAL_RATE, Pace
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
        consumer: Consumer = None,
        destination: Destination = None,
        kind: Kind = None,
        reason: ReasonPart = None,
        since: Since = None,
        until: Until = None,
        rate: Rate = USUAL_RATE,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
        yes: Yes = False,
    ) -> None:
        """Try dead or parked deliveries again. They stay the same messages: one that did arrive is not told twice.

        On a terminal it asks before it touches several. It may be stopped at any moment, and said again goes on.
        """
        if name is None and not dead and not parked:
            raise typer.BadParameter("say what: an event's key, a delivery's id, --dead or --parked")
        chosen = _selection(name, dead=dead, parked=parked)
        chosen = replace(chosen, destination=destination, consumer=consumer, type=kind, reason=reason)
        selection, counts = answer(lambda connection: _count(connection, chosen, since, until))
        if not counts:
            _nothing(name)
            return
        for consumer_name, number in counts.items():
            say(f"{consumer_name}: {count(number, 'delivery', 'deliveries')}")
        if dry_run:
            say("a dry run: nothing was changed")
            return
        total = sum(counts.values())
        if total > 1 and not yes and sys.stdin.isatty():
            typer.confirm(f"Try {count(total, 'delivery', 'deliveries')} again?", abort=True)
        done = _put_back(selection, list(counts), total, rate)
        say(f"{count(done, 'delivery is', 'deliveries are')} pending again")


def _selection(name: str | None, *, dead: bool, parked: bool) -> Selection:
    chosen = tuple(state for state, wanted in ((State.DEAD, dead), (State.PARKED, parked)) if wanted)
    return Selection.named(name, chosen or (State.DEAD, State.PARKED))


async def _count(
    connection: Connection, chosen: Selection, since: When | None, until: When | None
) -> tuple[Selection, dict[str, int]]:
    # Dated once: the same is touched as was counted.
    selection = await dated(chosen, since, until, connection)
    return selection, await count_meant(connection, selection)


def _nothing(name: str | None) -> None:
    if name is None:
        say("there is nothing to retry")
        return
    mistake(f"{name}: neither dead nor parked; `tellonce explain '{name}'` tells how it stands")
    raise typer.Exit(1)


def _put_back(selection: Selection, consumers: list[str], total: int, rate: float) -> int:
    with progress() as shown:
        task = shown.add_task("pending again", total=total)

        def seen(done: int) -> None:
            shown.update(task, completed=done)

        return answer(lambda connection: put_back(connection, selection, consumers, Pace(rate), seen))
