"""`tellonce explain`: one fact's life."""

from contextlib import suppress
from typing import Annotated

import typer

from telemetry.cli.opening import answer, read_config, read_settings
from telemetry.cli.printing import AsJson, console, mistake, moment, say, show_json, table
from telemetry.core.errors import ConfigurationError
from telemetry.core.event import Event
from telemetry.ops.explain import Explanation
from telemetry.ops.explain import explain as ask
from telemetry.ops.retention import kept


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
        _show_retention(found.event)
    console().print(table("What happened", ("when", "what"), [(moment(one.at), one.what) for one in found.timeline]))
    rows = [
        (name, row.destination, row.state, row.generation, row.failures, _result(row.result, row.reason))
        for name, deliveries in found.deliveries.items()
        for row in deliveries
    ]
    columns = ("consumer", "destination", "state", "generation", "failures", "result or reason")
    if rows:
        console().print(table("Deliveries", columns, rows, right=("generation", "failures")))
    say("What happens next", style="bold")
    for line in found.ahead or ["nothing: every consumer has it, and no delivery is left"]:
        say(f"  {line}")


def _show_event(event: Event) -> None:
    say(f"{event.type} of {event.distinct_id}")
    for name, value in event.properties.items():
        say(f"  {name} = {value!r}")


def _show_retention(event: Event) -> None:
    # A file that cannot be read is `tellonce check`'s business: a fact's life is told without it.
    with suppress(ConfigurationError):
        say(f"  {kept(event, read_config(read_settings()).types.get(event.type))}")


def _result(result: object, reason: str | None) -> str:
    if isinstance(result, dict):
        return ", ".join(f"{name} {value}" for name, value in result.items())
    return reason or ""
