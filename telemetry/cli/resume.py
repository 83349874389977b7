"""`tellonce resume`: let what is paused go on."""

import typer

from telemetry.cli.acting import Account, By, Consumer, Pausable, act_on_runs, for_runs_only, operator
from telemetry.cli.opening import answer
from telemetry.cli.printing import say
from telemetry.ops.pauses import resume as go_on
from telemetry.ops.runs import Verb
from telemetry.ops.target import RunTarget, read_pausable


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def resume(
        target: Pausable,
        *,
        account: Account = None,
        consumer: Consumer = None,
        by: By = None,
    ) -> None:
        """Let a paused run, consumer or destination go on where it was."""
        meant = read_pausable(target, "resume")
        if isinstance(meant, RunTarget):
            act_on_runs(Verb.RESUME, meant, consumer, operator(by, account=account), "goes on")
            return
        for_runs_only(account, consumer)
        over = answer(lambda connection: go_on(connection, meant))
        say(f"{target} goes on; it was {over.line}")
