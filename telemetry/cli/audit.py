"""`tellonce audit`: whom an event was meant for, and whom it reached."""

from typing import Annotated

import typer

from telemetry.cli.opening import answer
from telemetry.cli.printing import AsJson, console, count, mistake, say, show_json, table
from telemetry.ops.audit import Audit
from telemetry.ops.audit import audit as compare


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def audit(
        key: Annotated[str, typer.Argument(help="An event's key.")],
        *,
        limit: Annotated[int, typer.Option(min=1, help="Name at most so many that are missing.")] = 1000,
        as_json: AsJson = False,
    ) -> None:
        """List who should have been told of an event and was not, and why; exit 1 when there is anybody."""
        found = answer(lambda connection: compare(connection, key, limit))
        if found is None:
            mistake(f"{key}: nothing is known of it; a key looks like sign_up:u42")
            raise typer.Exit(1)
        if as_json:
            show_json(found)
        else:
            _show(found)
        if found.missing:
            raise typer.Exit(1)


def _show(found: Audit) -> None:
    say(f"expected   {found.expected:,}\ndelivered  {found.delivered:,}\nwaiting    {found.waiting:,}")
    if not found.missing:
        say("nobody is missing", style="green")
        return
    told = ", ".join(f"{number:,} {kind}" for kind, number in found.why.items())
    say(f"missing    {found.missing:,}: {told}", style="red")
    rows = [(one.consumer, one.delivery, one.why) for one in found.named]
    console().print(table("Who is missing", ("consumer", "delivery", "why"), rows))
    if found.missing > len(rows):
        say(f"and {count(found.missing - len(rows), 'more', 'more')}; --limit names more of them")
