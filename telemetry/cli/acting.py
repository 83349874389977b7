"""What pausing, resuming and cancelling have in common."""

import getpass
import os
from typing import Annotated

import typer

from telemetry.cli.opening import answer
from telemetry.cli.printing import count, say
from telemetry.core.run import Run
from telemetry.ops.runs import Operator, Verb, act
from telemetry.ops.target import KNOWN, PAUSABLE, RunTarget

TargetName = Annotated[str, typer.Argument(metavar="TARGET", help=KNOWN)]
Pausable = Annotated[str, typer.Argument(metavar="TARGET", help=PAUSABLE)]
Reason = Annotated[str, typer.Option(help="Why, for those who ask later.")]
Account = Annotated[str | None, typer.Option(help="Whose run it must be.")]
Consumer = Annotated[str | None, typer.Option(help="Only this consumer's run.")]
By = Annotated[str | None, typer.Option(help="Who does it; unless said, the user of this system.")]


def operator(by: str | None, reason: str = "", account: str | None = None) -> Operator:
    """Say who acts."""
    return Operator(by or _user(), reason, account)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # In a container nobody may have a name.
        return f"uid {os.getuid()}"


def for_runs_only(account: str | None, consumer: str | None) -> None:
    """Raise BadParameter where something was said that only runs have."""
    if account is not None or consumer is not None:
        raise typer.BadParameter("--account and --consumer are for runs")


def act_on_runs(verb: Verb, target: RunTarget, consumer: str | None, who: Operator, done: str) -> None:
    """Do something to runs, and say how they stand."""
    meant = RunTarget(target.key, target.consumer or consumer)
    for run in answer(lambda connection: act(connection, verb, meant, who)):
        say(f"run:{run.id} {done}: {standing(run)}")


def standing(run: Run) -> str:
    """Spell how a run stands, in one line."""
    of = f"of {count(run.total, 'delivery', 'deliveries')}" if run.total is not None else "so far"
    parts = [f"{run.done:,} {of} came to something"]
    parts += [f"{len(run.active):,} on their way"] if run.active else []
    parts += [f"{run.waiting:,} wait"] if run.waiting else []
    return ", ".join(parts)
