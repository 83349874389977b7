"""`tellonce parked`: what waits for a person."""

import typer

from telemetry.cli.printing import AsJson
from telemetry.cli.standing import Destination, Limit, show_standing
from telemetry.core.delivery import State


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def parked(*, destination: Destination = None, limit: Limit = 50, as_json: AsJson = False) -> None:
        """List what waits for a person to act, and why."""
        show_standing(State.PARKED, destination, limit, as_json=as_json)
