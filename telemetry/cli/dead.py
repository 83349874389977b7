"""`tellonce dead`: what can never be delivered as it is."""

import typer

from telemetry.cli.filters import Consumer, Destination, Kind, Limit, ReasonPart, Since, Until
from telemetry.cli.printing import AsJson
from telemetry.cli.standing import Counted, show_standing
from telemetry.core.delivery import State
from telemetry.store.selection import Selection


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def dead(
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
        """List what was refused for good, and why."""
        meant = Selection((State.DEAD,), destination=destination, consumer=consumer, type=kind, reason=reason)
        show_standing(meant, since, until, limit, counted=counted, as_json=as_json)
