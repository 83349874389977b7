"""`tellonce cancel`: take back what is not told yet."""

import typer

from telemetry.cli.acting import Account, By, Consumer, Reason, TargetName, act_on_runs, operator
from telemetry.cli.opening import answer
from telemetry.cli.printing import mistake, say
from telemetry.ops.cancel import Cancellation, cancel_event
from telemetry.ops.runs import Operator, Verb
from telemetry.ops.target import KeyTarget, RunTarget, read_target

OUTCOMES = {
    "too_late": "it is told already, or at once, and cannot be taken back",
    "unknown": "there is no such event; a key looks like sign_up:u42",
}


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
        """Take back an event that is to be told later (TARGET is its key), or leave out what still waits in a run.

        An event opens again only by a higher revision. Of a run, what is on its way arrives; it ends as partial.
        """
        who = operator(by, reason, account)
        match read_target(target):
            case RunTarget() as run:
                act_on_runs(Verb.CANCEL, run, consumer, who, "is cancelled")
            case KeyTarget(key):
                _cancel_event(key, who)


def _cancel_event(key: str, who: Operator) -> None:
    reason = who.reason or "by an operator"
    _show(key, answer(lambda connection: cancel_event(connection, key, who.by, reason)))


def _show(key: str, done: Cancellation) -> None:
    if done.outcome != "cancelled":
        runs = f"; for its run say run:{key}" if done.outcome == "too_late" else ""
        mistake(f"{key}: {OUTCOMES[done.outcome]}{runs}")
        raise typer.Exit(1)
    assert done.event is not None  # noqa: S101 - it is cancelled
    say(f"{key} is cancelled; revision {(done.event.revision or 0) + 1} or a higher one opens it again")
