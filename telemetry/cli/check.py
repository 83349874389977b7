"""`tellonce check`: is this deployment set up right."""

import anyio
import typer

from telemetry.cli.opening import read_config, read_settings
from telemetry.cli.printing import AsJson, console, show_json
from telemetry.ops.check import Finding, exit_code
from telemetry.ops.check import check as look
from telemetry.runtime.alerts import read_alerts
from telemetry.runtime.schedules import read_schedules
from telemetry.store.client import DatabaseClock
from telemetry.watcher.consumers import load_consumers

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def check(*, as_json: AsJson = False) -> None:
        """Look whether this deployment is set up right.

        Exit 2 for the file or the environment, 3 for the database, 4 for Discord's token, 5 for a permission there.
        """
        settings = read_settings()
        config = read_config(settings)
        read_schedules(config, DatabaseClock().now())
        read_alerts(config)
        findings = anyio.run(look, settings, config, load_consumers(config, settings))
        if as_json:
            show_json(findings)
        else:
            for finding in findings:
                _show(finding)
        raise typer.Exit(exit_code(findings))


def _show(finding: Finding) -> None:
    mark, style = MARKS[finding.level]
    step = f": {finding.next_step}" if finding.next_step else ""
    console().print(f"{mark} {finding.what}{step}", style=style if finding.level != "ok" else "", soft_wrap=True)
