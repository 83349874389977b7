"""`tellonce courier NAME`: carry what waits in a consumer's queue."""

from typing import Annotated

import anyio
import typer

from telemetry.cli.opening import open_daemon
from telemetry.courier.service import installed_couriers, run_courier

Name = Annotated[str, typer.Argument(help="Whose queue, as in `tellonce courier webhook`.")]


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(epilog=f"Installed here: {', '.join(installed_couriers()) or 'none'}; and one for each handler.")
    def courier(name: Name) -> None:
        """Carry what waits in a consumer's queue to the outside, until a signal."""
        settings, config = open_daemon(f"courier {name}")
        anyio.run(run_courier, name, settings, config)
