"""`tellonce explain`: one fact's life."""

from typing import Annotated

import typer
from rich.text import Text

from telemetry.cli.opening import answer
from telemetry.cli.printing import AsJson, console, mistake, moment, say, show_json, table, visible
from telemetry.core.event import Event
from telemetry.ops.explain import Explanation
from telemetry.ops.explain import explain as ask
from telemetry.ops.timeline import Moment


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def explain(
        key: Annotated[str, typer.Argument(help="An event's key, or the id of one of its deliveries.")],
        *,
        as_json: AsJson = False,
    ) -> None:
        """Tell one fact's life. What happened, where its deliveries stand, what happens next."""
        found = answer(lambda connection: ask(connection, key))
        if as_json:
            show_json(found)
        elif found is not None:
            _show(found)
        if found is None:
            mistake(f"{key}: nothing is known of it; a key looks like sign_up:u42")
            raise typer.Exit(1)


def _show(found: Explanation) -> None:
    say(found.key, style="bold")
    if found.asked.partition("|")[0] != found.key:
        say(f"(asked for as {found.asked}: the type's key policy was switched since)")
    if found.event is not None:
        _show_event(found.event)
    for one in found.timeline:
        _line(moment(one.at), one.what, _beside(one))
    rows = [
        (name, row.destination, row.state, row.generation, row.claims, row.failures, _result(row.result, row.reason))
        for name, deliveries in found.deliveries.items()
        for row in deliveries
    ]
    for line in found.ahead or ["nothing: every consumer has it, and no delivery is left"]:
        _line("next", line)
    columns = ("consumer", "destination", "state", "generation", "claims", "failures", "result or reason")
    if rows:
        say("")
        console().print(table("Deliveries", columns, rows, right=("generation", "claims", "failures")))


def _line(when: str, what: str, beside: str = "") -> None:
    # One line a moment, whatever its width: a terminal folds it, and a pipe keeps it whole.
    said = Text.assemble((f"{when:<23}  ", "dim"), visible(what), (visible(beside), "dim"))
    console().print(said, soft_wrap=True)


def _beside(one: Moment) -> str:
    return (f"  {one.by}" if one.by else "") + (f"  {one.link}" if one.link else "")


def _show_event(event: Event) -> None:
    say(f"{event.type} of {event.distinct_id}")
    for name, value in event.properties.items():
        say(f"  {name} = {value!r}")


def _result(result: object, reason: str | None) -> str:
    if isinstance(result, dict):
        return ", ".join(f"{name} {value}" for name, value in result.items())
    return reason or ""
