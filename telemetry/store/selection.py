"""The dead and parked deliveries that an operator means, counted before anything is done to them."""

from dataclasses import dataclass
from typing import Any

from telemetry.core.delivery import Signal, State, sources
from telemetry.store.client import Connection
from telemetry.store.commands import patiently
from telemetry.store.deliveries import Deliveries, of_events, standing


@dataclass(frozen=True, slots=True)
class Selection:
    """Which unfinished deliveries are meant; whatever is said must hold."""

    states: tuple[State, ...] = sources(Signal.REDRIVE)
    event: str | None = None
    delivery: str | None = None
    destination: str | None = None

    @property
    def query(self) -> dict[str, Any]:
        """The selection as the database is asked."""
        query: dict[str, Any] = {"state": {"$in": [state.value for state in self.states]}}
        if self.event is not None:
            query |= of_events([self.event])
        elif self.delivery is not None:
            query["_id"] = self.delivery
        else:
            return standing(self.states, self.destination)
        return query if self.destination is None else query | {"destination": self.destination}


async def count_selected(connection: Connection, consumer: str, selection: Selection) -> int:
    """Count the deliveries of a consumer that a selection means."""
    rows = connection[f"{consumer}_queue"]
    return int(await patiently(rows.count_documents, selection.query))


async def destinations_selected(connection: Connection, consumer: str, selection: Selection) -> list[str]:
    """List the destinations of the deliveries that a selection means."""
    rows = connection[f"{consumer}_queue"]
    return list(await patiently(rows.distinct, "destination", selection.query))


async def redrive_selected(connection: Connection, consumer: str, selection: Selection) -> int:
    """Let the deliveries that a selection means be tried again, in their generation; answer how many there were."""
    return await Deliveries(connection, consumer).redrive(selection.query, connection.clock.now())
