"""`tellonce pause`: keep a run, a consumer or a destination for later."""

import typer

from telemetry.cli.acting import Account, By, Consumer, Pausable, Reason, act_on_runs, for_runs_only, operator
from telemetry.cli.filters import End
from telemetry.cli.opening import answer
from telemetry.cli.printing import count, say
from telemetry.core.pause import Pause
from telemetry.ops.pauses import pause as halt
from telemetry.ops.pauses import waiting
from telemetry.ops.runs import Verb
from telemetry.ops.target import RunTarget, read_pausable
from telemetry.store.client import Connection


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def pause(
        target: Pausable,
        *,
        reason: Reason = "",
        until: End = None,
        account: Account = None,
        consumer: Consumer = None,
        by: By = None,
    ) -> None:
        """Let nothing more out of a run; offer and carry nothing of a consumer; or send nothing to a destination.

        What is on its way arrives. A consumer's events stay owed and its deliveries pending, whichever process runs
        it; so do a destination's. Within 15 seconds nothing more is sent; after --until it goes on by itself.
        """
        meant = read_pausable(target, "pause")
        if isinstance(meant, RunTarget):
            if until is not None:
                raise typer.BadParameter("--until: a run's pause has no end; `tellonce resume` lets it go on")
            act_on_runs(Verb.PAUSE, meant, consumer, operator(by, reason, account), "is paused")
            return
        for_runs_only(account, consumer)
        who = operator(by, reason)

        async def done(connection: Connection) -> tuple[Pause, int]:
            end = until.ahead(connection.clock.now()) if until else None
            return await halt(connection, meant, who, end), await waiting(connection, meant)

        made, left = answer(done)
        say(f"{target} is {made.line}; {count(left, 'delivery waits', 'deliveries wait')}")
