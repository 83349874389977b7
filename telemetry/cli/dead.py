"""`tellonce dead`: what can never be delivered as it is."""

import typer

from telemetry.cli.standing import add_listing
from telemetry.core.delivery import State


def command(app: typer.Typer) -> None:
    """Add the verb."""
    add_listing(app, State.DEAD, "List what was refused for good, and why.")
