"""`tellonce pause`: keep a run for later."""

import typer

from telemetry.cli.acting import Account, By, Consumer, Reason, TargetName, act_on_runs, operator
from telemetry.ops.runs import Verb
from telemetry.ops.target import read_run


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def pause(
        target: TargetName,
        *,
        reason: Reason = "",
        account: Account = None,
        consumer: Consumer = None,
        by: By = None,
    ) -> None:
        """Let nothing more out of a run; what is on its way arrives."""
        act_on_runs(Verb.PAUSE, read_run(target, "pause"), consumer, operator(by, reason, account), "is paused")
