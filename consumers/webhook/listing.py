"""What `tellonce webhooks list` shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from consumers.webhook.endpoint import NAME, Endpoint, present
from telemetry.cli.printing import console, moment, say, table
from telemetry.core.delivery import State
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.endpoints import Endpoints
from telemetry.store.lanes import Lanes


@dataclass(frozen=True, slots=True)
class Listed:
    """An endpoint and how it stands."""

    name: str
    url: str
    events: Sequence[str]
    source: str
    disabled: str | None  # why
    left_alone_until: datetime | None
    left_alone_for: str | None  # the last thing it answered
    secrets: int
    pending: int
    in_flight: int
    dead: int
    parked: int


async def listed(connection: Connection, file: Mapping[str, Endpoint]) -> list[Listed]:
    """Read all endpoints, and what stands in the queue for each."""
    queue, shut = Deliveries(connection, NAME), await Lanes(connection, NAME).shut()
    now = connection.clock.now()
    found = []
    for endpoint in present(file, await Endpoints(connection).all()).values():
        counts = await queue.count((State.PENDING, State.LEASED, State.DEAD, State.PARKED), endpoint.destination)
        alone = shut.get(endpoint.destination)
        found.append(
            Listed(
                name=endpoint.name,
                url=endpoint.table.url,
                events=endpoint.table.events,
                source=endpoint.source,
                disabled=endpoint.disabled.reason if endpoint.disabled else None,
                left_alone_until=alone.until if alone and alone.until > now else None,
                left_alone_for=alone.reason if alone else None,
                secrets=len(endpoint.secrets_at(now)),
                pending=counts[State.PENDING],
                in_flight=counts[State.LEASED],
                dead=counts[State.DEAD],
                parked=counts[State.PARKED],
            )
        )
    return found


def show(rows: Sequence[Listed]) -> None:
    """Print them for a person."""
    if not rows:
        say("there are no endpoints; `tellonce webhooks add NAME URL` adds one")
        return
    numbers = ("waiting", "dead", "parked")
    drawn = [
        (row.name, row.url, ", ".join(row.events), _state(row), row.pending + row.in_flight, row.dead, row.parked)
        for row in rows
    ]
    console().print(table("Webhooks", ("endpoint", "url", "events", "state", *numbers), drawn, right=numbers))


def _state(row: Listed) -> str:
    if row.disabled is not None:
        return f"off: {row.disabled}"
    if row.left_alone_until is not None:
        return f"left alone until {moment(row.left_alone_until)}: {row.left_alone_for}"
    if row.left_alone_for is not None:
        return f"tried with one delivery: {row.left_alone_for}"
    return "on" if row.source == "database" else "on, by the file"
