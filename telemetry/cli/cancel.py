"""`tellonce cancel`: leave out what was not told yet."""

import typer

from telemetry.cli.acting import Account, By, Consumer, Reason, TargetName, act_on_runs, operator
from telemetry.core.errors import TellonceError
from telemetry.ops.runs import Verb
from telemetry.ops.target import KNOWN, KeyTarget, RunTarget, read_target


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def cancel(
        target: TargetName,
        *,
        reason: Reason = "",
        account: Account = None,
        consumer: Consumer = None,
        by: By = None,
    ) -> None:
        """Leave out what still waits in a run. What is on its way arrives; the run ends as partial."""
        match read_target(target):
            case RunTarget() as run:
                act_on_runs(Verb.CANCEL, run, consumer, operator(by, reason, account), "is cancelled")
            case KeyTarget(key):
                raise TellonceError(f"cancel {key!r}: expected {KNOWN}")
