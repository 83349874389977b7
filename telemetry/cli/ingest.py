"""`tellonce ingest`: take events over HTTP."""

import anyio
import typer

from telemetry.cli.opening import open_daemon
from telemetry.ingest.service import run_ingest


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def ingest() -> None:
        """Take events at POST /ingest, until a signal."""
        settings, config = open_daemon("ingest")
        anyio.run(run_ingest, settings, config)
