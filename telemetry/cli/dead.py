"""`tellonce dead`: what can never be delivered as it is."""

import typer

from telemetry.cli.printing import AsJson
from telemetry.cli.standing import Destination, Limit, show_standing
from telemetry.core.delivery import State


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def dead(*, destination: Destination = None, limit: Limit = 50, as_json: AsJson = False) -> None:
        """List what was refused for good, and why."""
        show_standing(State.DEAD, destination, limit, as_json=as_json)
