"""`tellonce resume`: let a paused run go on."""

import typer

from telemetry.cli.acting import Account, By, Consumer, TargetName, act_on_runs, operator
from telemetry.ops.runs import Verb
from telemetry.ops.target import read_run


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def resume(
        target: TargetName,
        *,
        account: Account = None,
        consumer: Consumer = None,
        by: By = None,
    ) -> None:
        """Let a paused run go on where it was."""
        act_on_runs(Verb.RESUME, read_run(target, "resume"), consumer, operator(by, account=account), "goes on")
