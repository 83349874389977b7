"""`tellonce parked`: what waits for a person."""

import typer

from telemetry.cli.filters import Consumer, Destination, Kind, Limit, ReasonPart, Since, Until
from telemetry.cli.printing import AsJson
from telemetry.cli.standing import Counted, show_standing
from telemetry.core.delivery import State
from telemetry.store.selection import Selection


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def parked(
        *,
        consumer: Consumer = None,
        destination: Destination = None,
        kind: Kind = None,
        reason: ReasonPart = None,
        since: Since = None,
        until: Until = None,
        counted: Counted = False,
        limit: Limit = 50,
        as_json: AsJson = False,
    ) -> None:
        """List what waits for a person to act, and why."""
        meant = Selection((State.PARKED,), destination=destination, consumer=consumer, type=kind, reason=reason)
        show_standing(meant, since, until, limit, counted=counted, as_json=as_json)
