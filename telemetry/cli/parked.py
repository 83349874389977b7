"""`tellonce parked`: what waits for a person."""

import typer

from telemetry.cli.standing import add_listing
from telemetry.core.delivery import State


def command(app: typer.Typer) -> None:
    """Add the verb."""
    add_listing(app, State.PARKED, "List what waits for a person to act, and why.")
