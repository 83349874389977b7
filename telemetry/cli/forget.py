"""`tellonce forget`: remove what is stored of a person."""

import sys
from typing import Annotated

import typer

from telemetry.cli.acting import By, operator
from telemetry.cli.consumers import Yes
from telemetry.cli.opening import answer
from telemetry.cli.printing import AsJson, count, mistake, progress, say, show_json
from telemetry.core.errors import ConfigurationError
from telemetry.ops.forget import SETTLE, Survey, survey
from telemetry.ops.forget import forget as remove_all
from telemetry.ops.forgetting import Forgotten
from telemetry.ops.runs import Operator

SHOWN = 20


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def forget(
        distinct_id: Annotated[str, typer.Argument(help="Whom: the distinct_id of their events.")],
        *,
        reason: Annotated[str, typer.Option(help="Why, for those who ask later; do not name the person.")] = "",
        by: By = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
        yes: Yes = False,
        settle: Annotated[float, typer.Option(min=0, help="How long what is under way may take to end.")] = SETTLE,
        as_json: AsJson = False,
    ) -> None:
        """Remove all that is stored of a person. That there was something stays, under names that tell nobody whose.

        What they are owed is told to nobody. The same facts sent again are known as repeats. Safe to repeat, also
        after a crash; what is on its way is left for another run.
        """
        if not distinct_id:
            raise ConfigurationError("forget '': expected a distinct_id")
        found = _counted(distinct_id)
        if dry_run:
            show_json(found) if as_json else _show(found)
            return
        if not as_json:
            _show(found)
        if found.events and not yes:
            _ask()
        if found.events and not as_json:
            say(f"nobody is told of it from now on; in {settle:g} s, when what is under way has ended, it is removed")
        done = _forgotten(distinct_id, operator(by, reason), settle, found.events)
        if as_json:
            show_json(done)
        else:
            _tell(done)
        if done.left:
            raise typer.Exit(1)


def _counted(distinct_id: str) -> Survey:
    with progress() as shown:
        task = shown.add_task("events found", total=None)
        return answer(lambda connection: survey(connection, distinct_id, lambda n: shown.update(task, completed=n)))


def _show(found: Survey) -> None:
    owed = f", {found.owed:,} of them owed, which nobody is told" if found.owed else ""
    begun = f", {found.hidden:,} of them begun before" if found.hidden else ""
    waiting = f", {found.unfinished:,} of them not done, which are left out" if found.unfinished else ""
    say(f"{count(found.events, 'event')}{owed}{begun}")
    say(f"{count(found.deliveries, 'delivery', 'deliveries')}{waiting}")
    for name in found.schedules:
        say(f"schedule {name!r} makes events of them: `tellonce schedule remove '{name}'` first")
    for name in found.audiences:
        say(f"audience {name!r} has a member of that name, and keeps it: set it without, if that is them")


def _ask() -> None:
    if not sys.stdin.isatty():
        raise ConfigurationError("forget: say --yes where nobody can be asked; --dry-run only counts")
    typer.confirm("All of it is removed, and nothing brings it back. Go on?", abort=True)


def _forgotten(distinct_id: str, who: Operator, settle: float, events: int) -> Forgotten:
    with progress() as shown:
        task = shown.add_task("events removed", total=events)
        return answer(
            lambda connection: remove_all(
                connection, distinct_id, who, settle=settle, seen=lambda number: shown.advance(task, number)
            )
        )


def _tell(done: Forgotten) -> None:
    say(f"{count(done.events, 'event is', 'events are')} forgotten")
    for key in done.left[:SHOWN]:
        say(f"  {key} is on its way")
    if done.left:
        mistake(f"{count(len(done.left), 'event is', 'events are')} left, on their way: run it again in a minute")
