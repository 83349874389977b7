"""`tellonce restored`: before the bot starts on a backup that was put back."""

from datetime import datetime
from typing import Annotated

import typer

from bot.main import QUEUE
from bot.restoration import doubt
from telemetry.cli.filters import read_time
from telemetry.cli.opening import answer
from telemetry.cli.printing import AsJson, count, say, show_json
from telemetry.core.errors import ConfigurationError
from telemetry.store.client import Connection

TIME = "expected when the backup was begun, as in 2026-11-27T13:00:00Z"


def command(app: typer.Typer) -> None:
    """Add the verb `restored` to the command line."""

    @app.command()
    def restored(
        *, since: Annotated[str, typer.Option(help="When the backup was begun.")], as_json: AsJson = False
    ) -> None:
        """After a backup was put back: have all that waits looked for in Discord before it is posted."""
        began = _read(since)

        async def mark(connection: Connection) -> int:
            if began > connection.clock.now():
                raise ConfigurationError(f"--since {since}: {TIME}, which is not to come")
            return await doubt(connection, QUEUE, began)

        doubted = answer(mark)
        if as_json:
            show_json({"since": began, "deliveries": doubted})
            return
        told = "each is looked for in its channel before it is posted"
        say(f"{count(doubted, 'delivery', 'deliveries')} may have been posted since {since}: {told}")


def _read(spelt: str) -> datetime:
    try:
        return read_time(spelt)
    except ValueError:
        raise ConfigurationError(f"--since {spelt}: {TIME}") from None
