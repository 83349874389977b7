"""What `dead` and `parked` show."""

from typing import Annotated

import typer

from telemetry.cli.opening import answer
from telemetry.cli.printing import console, count, say, show_json, table
from telemetry.core.delivery import State
from telemetry.ops.standing import Standing, count_standing, list_standing
from telemetry.store.client import Connection

Destination = Annotated[str | None, typer.Option(help="Only for this destination, as in discord:1122334455.")]
Limit = Annotated[int, typer.Option(min=1, help="Show at most this many.")]


def show_standing(state: State, destination: str | None, limit: int, *, as_json: bool) -> None:
    """List what stands in a state, with the reasons and the next step."""

    async def ask(connection: Connection) -> tuple[list[Standing], int]:
        return await list_standing(connection, state, limit, destination), await count_standing(connection, state)

    found, total = answer(ask)
    if as_json:
        show_json([{"consumer": one.consumer, **_plain(one)} for one in found])
        return
    if not found:
        say(f"nothing is {state}" + (f" for {destination}" if destination else ""))
        return
    rows = [(one.consumer, one.delivery.id, one.delivery.failures, one.delivery.reason or "") for one in found]
    console().print(table(f"{state}".capitalize(), ("consumer", "delivery", "failures", "reason"), rows))
    say(f"{len(found)} of {count(total, 'delivery', 'deliveries')} {state} in all")
    say(f"mend the cause, then: tellonce retry DELIVERY, or tellonce retry --{state}")


def _plain(one: Standing) -> dict[str, object]:
    row = one.delivery
    return {
        "delivery": row.id,
        "event": row.event,
        "destination": row.destination,
        "state": row.state,
        "reason": row.reason,
        "failures": row.failures,
        "generation": row.generation,
        "body": row.body,
    }
