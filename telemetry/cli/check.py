"""`tellonce check`: is this deployment set up right."""

from pathlib import Path
from typing import Annotated

import anyio
import typer

from telemetry.cli.history import against_database, against_file
from telemetry.cli.opening import read_config, read_settings
from telemetry.cli.printing import AsJson, console, show_json
from telemetry.core.errors import ConfigurationError
from telemetry.ops.check import Finding, exit_code
from telemetry.ops.check import check as look
from telemetry.runtime.alerts import read_alerts
from telemetry.runtime.config import Config
from telemetry.runtime.schedules import read_schedules
from telemetry.runtime.settings import Settings
from telemetry.store.client import DatabaseClock
from telemetry.watcher.consumers import load_consumers

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}

Past = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Try the file's keys on events as producers send them, as NDJSON.")
]
Since = Annotated[
    str | None, typer.Option(metavar="SPAN", help="Try the file's keys on what was stored within a span, as in 7d.")
]
Before = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The tellonce.toml before the change, instead of the database.")
]


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def check(
        *, against_history: Past = None, since: Since = None, before: Before = None, as_json: AsJson = False
    ) -> None:
        """Look whether this deployment is set up right.

        Exit 2 for the file or the environment, 3 for the database, 4 for Discord's token, 5 for a permission there.
        With --against-history or --since: try the file's keys on events that are past, and look at nothing else.
        """
        settings = read_settings()
        config = read_config(settings)
        read_schedules(config, DatabaseClock().now())
        read_alerts(config)
        if against_history is not None or since is not None or before is not None:
            _try(settings, config, against_history, since, before, as_json=as_json)
            return
        findings = anyio.run(look, settings, config, load_consumers(config, settings))
        if as_json:
            show_json(findings)
        else:
            for finding in findings:
                _show(finding)
        raise typer.Exit(exit_code(findings))


def _try(
    settings: Settings, config: Config, path: Path | None, since: str | None, before: Path | None, *, as_json: bool
) -> None:
    if path is not None and since is None:
        against_file(settings, config, path, before, as_json=as_json)
    elif since is not None and path is None and before is None:
        against_database(settings, config, since, as_json=as_json)
    else:
        raise ConfigurationError("say --against-history FILE, with or without --before FILE, or --since SPAN")


def _show(finding: Finding) -> None:
    mark, style = MARKS[finding.level]
    step = f": {finding.next_step}" if finding.next_step else ""
    console().print(f"{mark} {finding.what}{step}", style=style if finding.level != "ok" else "", soft_wrap=True)
