"""`tellonce watch`: tell consumers of events."""

from functools import partial

import anyio
import typer

from telemetry.cli.opening import open_daemon
from telemetry.ops.verify import breaches
from telemetry.watcher.service import run_watch


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def watch() -> None:
        """Tell every consumer of its events, until a signal."""
        settings, config = open_daemon("watch")
        anyio.run(partial(run_watch, settings, config, prove=breaches))
