"""What a claimed delivery came to, and the events that follow from it: on its row until they are told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from telemetry.core.delivery import Delivery, State
from telemetry.core.event import Event
from telemetry.store.client import Connection
from telemetry.store.commands import Row, Session, patiently, read
from telemetry.store.deliveries import BY_WORK
from telemetry.store.documents import event_from, event_row, stored, work_place
from telemetry.store.transaction import Transaction

# In the work index, so that it is found again and not forgotten while something follows that was not told.
EMITTING = "emitting"
GONE = ("line", "ready_at", "holder", "attempt", "scope", "reason")
AT: Row = {"$currentDate": {"since": True}}


@dataclass(frozen=True, slots=True)
class Completion:
    """A delivery that is done, and what follows from it."""

    delivery: str
    generation: int
    claims: int
    emits: Sequence[Event]
    work: str = ""


class Completions:
    """A consumer's queue, as far as events follow from its deliveries."""

    def __init__(self, connection: Connection, consumer: str) -> None:
        self._connection = connection
        self._rows = connection[f"{consumer}_queue"]

    def transaction(self) -> Transaction:
        """Make a transaction in which a delivery may be completed."""
        return Transaction(self._connection)

    async def complete(
        self, delivery: Delivery, holder: str, result: Mapping[str, Any], emits: Sequence[Event], within: Transaction
    ) -> bool:
        """Settle a claimed delivery for good, with all that follows; no, where it was claimed anew.

        Where the transaction has begun, what was written in it becomes true at the same moment, or never.
        """
        guard: Row = {"_id": delivery.id, "generation": delivery.generation, "claims": delivery.claims}
        guard |= {"state": State.LEASED.value, "holder": holder}
        write = partial(self._write, guard, _completed(delivery, result, emits))
        if within.begun:
            return await within.commit(write)
        return await patiently(write) or await self._stands(delivery)

    async def of(self, delivery: str) -> Completion | None:
        """Read what follows from a delivery and may not be told yet."""
        rows = await read(self._rows, {"_id": delivery, "state": State.DELIVERED.value, "work": {"$exists": True}})
        return _completion(rows[0]) if rows else None

    async def left(self, after: str, limit: int) -> list[Completion]:
        """Read the first completions whose events may not be told yet, from a place in the work index on."""
        query = {"work": {"$gt": after or f"{EMITTING}|", "$lt": f"{EMITTING}}}"}}
        rows = await read(self._rows, query, sort=BY_WORK, limit=limit)
        return [_completion(row) for row in rows]

    async def told(self, completion: Completion) -> None:
        """Take the events that were told off their row."""
        guard = {"_id": completion.delivery, "generation": completion.generation, "claims": completion.claims}
        guard["state"] = State.DELIVERED.value
        await patiently(self._rows.update_one, guard, {"$unset": {"emits": "", "work": ""}})

    async def _write(self, guard: Row, update: Row, session: Session | None = None) -> bool:
        return bool((await self._rows.update_one(guard, update, session=session)).modified_count)

    async def _stands(self, delivery: Delivery) -> bool:
        # A write whose answer was lost is made again, and finds that it is done.
        done = {"_id": delivery.id, "generation": delivery.generation, "claims": delivery.claims}
        return bool(await read(self._rows, done | {"state": State.DELIVERED.value}, fields={"_id": 1}))


def _completed(delivery: Delivery, result: Mapping[str, Any], emits: Sequence[Event]) -> Row:
    settled: Row = {"state": State.DELIVERED.value, "result": stored(result)}
    # What an earlier generation emitted may be there still, if this one was asked for before that was told.
    if not emits and not delivery.generation:
        return {"$set": settled, "$unset": dict.fromkeys((*GONE, "work"), ""), **AT}
    settled["work"] = f"{EMITTING}|{work_place(delivery.destination, delivery.order)}"
    rows = {"emits": {"$each": [event_row(event) for event in emits]}}
    return {"$set": settled, "$push": rows, "$unset": dict.fromkeys(GONE, ""), **AT}


def _completion(row: Row) -> Completion:
    emits = [event_from(event) for event in row.get("emits", ())]
    return Completion(row["_id"], row["generation"], row["claims"], emits, row["work"])
