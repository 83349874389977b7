"""`tellonce replay`: have what was told told once more."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from telemetry.cli.acting import By, operator
from telemetry.cli.consumers import Yes
from telemetry.cli.filters import Consumer, Destination, Kind, Rate, Since, Until, When
from telemetry.cli.opening import answer
from telemetry.cli.printing import AsJson, console, count, mistake, moment, progress, say, show_json, table
from telemetry.cli.standing import dated
from telemetry.core.delivery import Delivery, State
from telemetry.core.errors import ConfigurationError
from telemetry.ops.paces import USUAL_RATE, Pace
from telemetry.ops.replay import Survey, begin, drop, resumed, sample, survey
from telemetry.ops.replay import replay as tell_again
from telemetry.store.client import Connection
from telemetry.store.operations import Operation, Operations
from telemetry.store.selection import Selection

LISTED = 50
SHOWN = 20
SCRUBBED = "of which the body was removed, so it can be told no more"
# What is a thing of its own, and takes no filter and no other such thing.
ALONE = {
    "--list": "only lists",
    "--drop": "leaves what is left of one",
    "--resume": "goes on with what was begun",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be told once more, what would not, and some of each."""

    selection: Selection
    found: Survey
    again: list[tuple[str, Delivery]]
    others: list[tuple[str, Delivery]]


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def replay(
        name: Annotated[str | None, typer.Argument(help="An event's key, or a delivery's id.")] = None,
        *,
        consumer: Consumer = None,
        destination: Destination = None,
        kind: Kind = None,
        since: Since = None,
        until: Until = None,
        skipped: Annotated[bool, typer.Option("--skipped", help="What an operator left out, too.")] = False,
        reason: Annotated[str, typer.Option(help="Why, for those who ask later.")] = "",
        by: By = None,
        rate: Rate = USUAL_RATE,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count, and show some.")] = False,
        yes: Yes = False,
        another: Annotated[bool, typer.Option("--another", help="Besides one of the same that is not done.")] = False,
        resume: Annotated[str | None, typer.Option(metavar="ID", help="Go on with one that was cut short.")] = None,
        give_up: Annotated[str | None, typer.Option("--drop", metavar="ID", help="Leave what is left of one.")] = None,
        listed: Annotated[bool, typer.Option("--list", help="List the replays so far: who, when, why.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Have what was told told once more, as new messages: each delivery once a replay, whatever is killed.

        What is not told yet stays as it is. --since and --until are about when it was told.
        """
        filters = {"--consumer": consumer, "--destination": destination, "--type": kind, "--since": since}
        said = {"NAME": name, **filters, "--until": until, "--skipped": skipped, "--reason": reason, "--by": by}
        said |= {"--dry-run": dry_run, "--another": another, "--resume": resume, "--drop": give_up, "--list": listed}
        _check_alone([option for option, value in said.items() if value not in (None, False, "")])
        if as_json and not (dry_run or listed):
            raise typer.BadParameter("--json: only --dry-run and --list are told so")
        if listed:
            _list(as_json=as_json)
        elif give_up is not None:
            answer(lambda connection: drop(connection, give_up))
            say(f"{give_up} is dropped: what it had told once more stays told")
        elif resume is not None:
            _go(answer(lambda connection: resumed(connection, resume)), rate)
        else:
            meant = _selection(name, skipped=skipped, said=(consumer, destination, kind))
            if name is None and not any((consumer, destination, kind, since, until)):
                raise typer.BadParameter("say what: an event's key, a delivery's id, or filters such as --type")
            plan = answer(lambda connection: _plan(connection, meant, since, until, shown=SHOWN if dry_run else 0))
            if dry_run:
                _show(plan, as_json=as_json)
            elif _agreed(plan, name, reason, yes=yes):
                who = operator(by, reason).by
                started = answer(lambda connection: begin(connection, plan.selection, who, reason, another=another))
                say(f"replay {started.id}: `tellonce replay --resume {started.id}` goes on where it is cut short")
                _go(started, rate)


def _check_alone(said: Sequence[str]) -> None:
    """Raise BadParameter where something was said that would be passed over."""
    for option, does in ALONE.items():
        for other in said if option in said else ():
            if other != option:
                raise typer.BadParameter(f"{option} {does}: {other} has no place beside it")


def _selection(name: str | None, *, skipped: bool, said: tuple[str | None, str | None, str | None]) -> Selection:
    consumer, destination, kind = said
    states = (State.DELIVERED, State.SKIPPED) if skipped else (State.DELIVERED,)
    return Selection.named(name, states, destination=destination, consumer=consumer, type=kind)


async def _plan(
    connection: Connection, meant: Selection, since: When | None, until: When | None, *, shown: int
) -> Plan:
    selection = await dated(meant, since, until, connection)
    found = await survey(connection, selection)
    again = await sample(connection, selection, found.again, shown) if shown else []
    others = await sample(connection, selection, found.others, shown) if shown else []
    return Plan(selection, found, again, others)


def _agreed(plan: Plan, name: str | None, reason: str, *, yes: bool) -> bool:
    """Say whether it is to be done; exit where it cannot be."""
    total = plan.found.total
    if not total:
        if name is None:
            say("there is nothing to tell once more")
            return False
        mistake(f"{name}: {_left(plan.found) or 'nothing is known of it'}; nothing is told once more")
        raise typer.Exit(1)
    said = f"{count(total, 'delivery', 'deliveries')} will be told once more, as new messages"
    if not reason:
        raise ConfigurationError(f"{said}: say why, with --reason TEXT; --dry-run only looks")
    if total > 1 and not yes:
        if not sys.stdin.isatty():
            raise ConfigurationError(f"{said}: say --yes where nobody can be asked; --dry-run only looks")
        typer.confirm(f"{said}. Go on?", abort=True)
    return True


def _left(found: Survey) -> str:
    parts = [
        f"{number:,} {state}" + (" (--skipped means it, too)" if state is State.SKIPPED else "")
        for states in found.others.values()
        for state, number in states.items()
    ]
    return ", ".join([*parts, *(f"{number:,} {SCRUBBED}" for number in found.scrubbed.values())])


def _show(plan: Plan, *, as_json: bool) -> None:
    parts = {"again": plan.again, "others": plan.others}
    if as_json:
        some = {name: [_plain(*one) for one in listed] for name, listed in parts.items()}
        show_json({"total": plan.found.total, "counts": plan.found, "samples": some})
        return
    for title, counts, rows in (
        ("Told once more", plan.found.again, plan.again),
        ("Not told once more", plan.found.others, plan.others),
    ):
        if counts:
            columns = ("consumer", "delivery", "state", "generation", "since")
            told = [(name, row.id, row.state, row.generation, moment(row.since)) for name, row in rows]
            console().print(table(title, columns, told, right=("generation",)))
            for name, states in counts.items():
                say(f"{name}: " + ", ".join(f"{number:,} {state}" for state, number in states.items()))
    for name, number in plan.found.scrubbed.items():
        say(f"{name}: {number:,} {SCRUBBED}")
    say(f"a dry run: {count(plan.found.total, 'delivery', 'deliveries')} would be told once more")


def _plain(consumer: str, row: Delivery) -> dict[str, object]:
    return {
        "consumer": consumer,
        "delivery": row.id,
        "state": row.state,
        "generation": row.generation,
        "since": row.since,
    }


def _go(operation: Operation, rate: float) -> None:
    with progress() as shown:
        task = shown.add_task("told once more", total=operation.total, completed=operation.done)

        def seen(done: int) -> None:
            shown.update(task, completed=done)

        done = answer(lambda connection: tell_again(connection, operation, Pace(rate), seen))
    missed = f"; {count(done.missed, 'was', 'were')} not as counted any more" if done.missed else ""
    say(f"{count(done.done, 'delivery waits', 'deliveries wait')} to be told once more{missed}")


def _list(*, as_json: bool) -> None:
    found = answer(lambda connection: Operations(connection).latest(LISTED))
    if as_json:
        show_json(found)
        return
    columns = ("replay", "began", "by", "reason", "state", "of", "told once more")
    rows = [(one.id, moment(one.at), one.by, one.reason, one.state, f"{one.total:,}", f"{one.done:,}") for one in found]
    console().print(table("Replays", columns, rows, right=("of", "told once more")))
