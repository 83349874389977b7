"""`tellonce cancel`: leave out what was not told yet."""

import typer

from telemetry.cli.acting import Account, By, Consumer, Reason, TargetName, act_on_runs, operator
from telemetry.cli.opening import answer
from telemetry.cli.printing import say
from telemetry.core.errors import TellonceError
from telemetry.ops.cancel import cancel_event
from telemetry.ops.runs import Operator, Verb
from telemetry.ops.target import KeyTarget, RunTarget, read_target

NOT_CANCELLED = {
    "too_late": "it is told already, or at once, and cannot be taken back; `tellonce cancel 'run:{key}'` ends its run",
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
        """Take an event back that is to be told later, or leave out what still waits in a run.

        The event opens again only by a higher revision. What is on its way in a run arrives; the run ends as partial.
        """
        who = operator(by, reason, account)
        match read_target(target):
            case RunTarget() as run:
                act_on_runs(Verb.CANCEL, run, consumer, who, "is cancelled")
            case KeyTarget(key):
                _cancel_event(key, who)


def _cancel_event(key: str, who: Operator) -> None:
    done = answer(lambda connection: cancel_event(connection, key, who.by, who.reason or "no reason given"))
    if done.event is None or done.event.cancelled is None:
        raise TellonceError(f"{key}: {NOT_CANCELLED[done.outcome].format(key=key)}")
    say(f"{key} is cancelled; revision {(done.event.revision or 0) + 1} or a higher one opens it again")
