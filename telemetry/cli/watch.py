"""`tellonce watch`: tell consumers of events."""

import anyio
import typer

from telemetry.cli.opening import open_daemon
from telemetry.watcher.service import run_watch


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def watch() -> None:
        """Tell every consumer of its events, until a signal."""
        settings, config = open_daemon("watch")
        anyio.run(run_watch, settings, config)
