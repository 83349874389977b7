"""`tellonce cancel`: take back what is not told yet."""

import getpass
from typing import Annotated

import typer

from telemetry.cli.opening import answer
from telemetry.cli.printing import mistake, say
from telemetry.ops.cancel import Cancellation, cancel_event

OUTCOMES = {
    "too_late": "it is told already, or at once, and cannot be taken back",
    "unknown": "there is no such event; a key looks like sign_up:u42",
}


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def cancel(
        key: Annotated[str, typer.Argument(help="An event's key.")],
        *,
        reason: Annotated[str, typer.Option(help="Why, for those who ask.")] = "by an operator",
    ) -> None:
        """Take back an event that is to be told later. It opens again only by a higher revision."""
        done = answer(lambda connection: cancel_event(connection, key, getpass.getuser(), reason))
        _show(key, done)


def _show(key: str, done: Cancellation) -> None:
    if done.outcome != "cancelled":
        mistake(f"{key}: {OUTCOMES[done.outcome]}")
        raise typer.Exit(1)
    assert done.event is not None  # noqa: S101 - it is cancelled
    say(f"{key} is cancelled; revision {(done.event.revision or 0) + 1} or a higher one opens it again")
