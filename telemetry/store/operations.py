"""What operators did to many deliveries: who, when and why, how far it has come, and where it goes on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from telemetry.core.delivery import State
from telemetry.store.client import Connection
from telemetry.store.commands import Row, chunks, insert_new, patiently, read
from telemetry.store.selection import Selection


class Progress(StrEnum):
    """Where an operation stands."""

    RUNNING = "running"  # or cut short: then it may be resumed
    FINISHED = "finished"
    DROPPED = "dropped"  # what was left of it is not wanted any more


@dataclass(frozen=True, slots=True)
class Operation:
    """One replay."""

    id: str
    by: str
    reason: str
    at: datetime  # whatever ended by then may be meant
    selection: Selection
    counts: Mapping[str, int]  # what was meant then, by consumer
    state: Progress = Progress.RUNNING
    done: int = 0
    missed: int = 0  # it was not as it was counted any more
    consumer: str = ""  # at this one it goes on,
    after: str = ""  # with what follows this delivery
    ended: datetime | None = None

    @property
    def total(self) -> int:
        """How many deliveries were meant."""
        return sum(self.counts.values())


class Operations:
    """The `operations` collection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = connection["operations"]

    async def begin(self, operation: Operation) -> None:
        """Write an operation down before anything is done; one of its name stays as it is."""
        await insert_new(self._rows, [_row(operation)])

    async def note(self, operation: Operation) -> bool:
        """Note how far a running operation has come; no, where it was ended or somebody else has come farther."""
        names = ("done", "missed", "consumer", "after")
        guard: Row = {"_id": operation.id, "state": Progress.RUNNING.value}
        guard["$or"] = [
            {"consumer": {"$lt": operation.consumer}},
            {"consumer": operation.consumer, "after": {"$lte": operation.after}},
        ]
        change = {"$set": {name: getattr(operation, name) for name in names}}
        return bool((await patiently(self._rows.update_one, guard, change)).matched_count)

    async def end(self, name: str, state: Progress) -> bool:
        """End a running operation; answer whether it has ended so, now or before."""
        change = {"$set": {"state": state.value, "ended": self._connection.clock.now()}}
        result = await patiently(self._rows.update_one, {"_id": name, "state": Progress.RUNNING.value}, change)
        return bool(result.matched_count) or bool(await read(self._rows, {"_id": name, "state": state.value}))

    async def get(self, name: str) -> Operation | None:
        """Read an operation."""
        rows = await read(self._rows, {"_id": name})
        return _operation(rows[0]) if rows else None

    async def of(self, names: Sequence[str]) -> dict[str, Operation]:
        """Read the operations that exist among some."""
        found: dict[str, Operation] = {}
        for some in chunks(names, self._connection.chunk):
            rows = await read(self._rows, {"_id": {"$in": list(some)}})
            found |= {row["_id"]: _operation(row) for row in rows}
        return found

    async def running(self) -> list[Operation]:
        """Read what runs or was cut short."""
        return [_operation(row) for row in await read(self._rows, {"state": Progress.RUNNING.value})]

    async def latest(self, limit: int) -> list[Operation]:
        """Read the latest operations, the newest first."""
        return [_operation(row) for row in await read(self._rows, {}, sort=(("at", -1),), limit=limit)]


def _row(operation: Operation) -> Row:
    row: Row = {one.name: getattr(operation, one.name) for one in fields(operation) if one.name != "id"}
    row |= {"_id": operation.id, "kind": "replay", "state": operation.state.value}
    return row | {"selection": _selection_row(operation.selection), "counts": dict(operation.counts)}


def _selection_row(selection: Selection) -> Row:
    said: dict[str, Any] = {one.name: getattr(selection, one.name) for one in fields(selection)}
    said["states"] = [state.value for state in selection.states]
    return {name: value for name, value in said.items() if value is not None}


def _operation(row: Row) -> Operation:
    said = dict(row["selection"])
    selection = Selection(**said | {"states": tuple(State(name) for name in said["states"])})
    plain = {name: row[name] for name in ("by", "reason", "at", "counts", "done", "missed", "consumer", "after")}
    return Operation(id=row["_id"], selection=selection, state=Progress(row["state"]), ended=row.get("ended"), **plain)
