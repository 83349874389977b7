"""Who carries which delivery: claimed for a while, settled by its claimant alone.

Where a courier claims row by row, a delivery's place in its queue is when it is due: at first its order, and
after a failed try the time of the next. So the first rows of a destination are always the next ones due.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from telemetry.core.clock import micros
from telemetry.core.delivery import Delivery, Signal, State
from telemetry.store.client import Connection
from telemetry.store.commands import Row, patiently, read
from telemetry.store.deliveries import BY_WORK, Deliveries, standing
from telemetry.store.documents import delivery_from, line, line_place, work_place

WAITING = (State.LEASED, State.PENDING)
BY_LINE = (("line", 1),)


class Claims:
    """A consumer's queue, as its courier works it."""

    def __init__(self, connection: Connection, consumer: str) -> None:
        self._connection = connection
        self._rows = connection[f"{consumer}_queue"]
        self._deliveries = Deliveries(connection, consumer)

    async def ahead(self, destination: str, limit: int) -> list[Delivery]:
        """Read what is claimed or waits for a destination: claims first, then in the order in which it is due."""
        rows = await read(self._rows, standing(WAITING, destination), sort=BY_WORK, limit=limit)
        return [delivery_from(row) for row in rows]

    async def take(self, delivery: Delivery, holder: str, until: datetime) -> Delivery | None:
        """Claim a delivery as it was read until a moment; None when somebody else has been at it."""
        taken = replace(
            delivery,
            state=State.LEASED,
            ready_at=until,
            claims=delivery.claims + 1,
            silent=delivery.silent + 1,
        )
        changed = await self._settle(
            delivery, Signal.CLAIM, holder=holder, ready_at=until, claims=taken.claims, silent=taken.silent
        )
        return taken if changed else None

    async def renew(self, delivery: Delivery, holder: str, until: datetime) -> bool:
        """Hold a claim until a later moment; no, where it was settled or claimed anew."""
        guard = {"_id": delivery.id, "state": State.LEASED.value, "claims": delivery.claims, "holder": holder}
        result = await patiently(self._rows.update_one, guard, {"$set": {"ready_at": until}})
        return bool(result.matched_count)

    async def finish(self, delivery: Delivery, signal: Signal, **fields: Any) -> bool:
        """Settle a claimed delivery for good, or until a person acts; no, where it was claimed anew.

        That it is done is true whoever holds it by now: there is nothing left to try.
        """
        if signal is Signal.DONE:
            return bool(await self._deliveries.settle([(delivery.id, delivery.generation)], signal, **fields))
        return await self._settle(delivery, signal, silent=0, **fields)

    async def put_back(self, delivery: Delivery, signal: Signal, at: datetime, **fields: Any) -> bool:
        """Let a claimed delivery wait for another try at a moment; no, where it was claimed anew."""
        place = work_place(delivery.destination, micros(at))
        return await self._settle(delivery, signal, ready_at=at, place=place, silent=0, **fields)

    async def head(self, delivery: Delivery) -> Delivery | None:
        """Find the first in a delivery's line that is before it and not at its end."""
        begins = line(delivery.destination, delivery.group or "")
        query: Row = {"line": {"$gte": begins, "$lt": line_place(delivery)}}
        query["state"] = {"$in": [state.value for state in WAITING]}
        rows = await read(self._rows, query, sort=BY_LINE, limit=1)
        return delivery_from(rows[0]) if rows else None

    async def stand_back(self, delivery: Delivery, until: datetime) -> None:
        """Let a delivery and what is behind it in its line wait until a moment, for the one that is before it."""
        behind = {"$gte": line_place(delivery), "$lt": f"{line(delivery.destination, delivery.group or '')}}}"}
        query: Row = {"line": behind, "state": State.PENDING.value, "ready_at": {"$lt": until}}
        place = work_place(delivery.destination, micros(until))
        moved = {"ready_at": until, "place": place, "work": f"{State.PENDING}|{place}"}
        await patiently(self._rows.update_many, query, {"$set": moved})

    async def step_up(self, delivery: Delivery) -> None:
        """Let the next in a delivery's line be due at once, unless it waits for another try of its own."""
        begins = line(delivery.destination, delivery.group or "")
        behind: Row = {"line": {"$gt": line_place(delivery), "$lt": f"{begins}}}"}, "state": State.PENDING.value}
        rows = await read(self._rows, behind, sort=BY_LINE, limit=1)
        for row in rows:
            if row["failures"] or row.get("pauses"):
                return
            place = work_place(delivery.destination, delivery.order)
            guard = {name: row[name] for name in ("_id", "state", "ready_at", "claims")}
            moved = {"ready_at": self._connection.clock.now(), "place": place, "work": f"{State.PENDING}|{place}"}
            await patiently(self._rows.update_one, guard, {"$set": moved})

    async def _settle(self, delivery: Delivery, signal: Signal, **fields: Any) -> bool:
        member = delivery.id, delivery.generation
        return bool(await self._deliveries.settle([member], signal, claimed=delivery.claims, **fields))


def due(ahead: Sequence[Delivery], now: datetime) -> tuple[list[Delivery], datetime | None]:
    """Part what may be claimed now from what waits, of which the earliest time is given."""
    ripe = [delivery for delivery in ahead if delivery.ready_at is None or delivery.ready_at <= now]
    waits = [delivery.ready_at for delivery in ahead if delivery.ready_at is not None and delivery.ready_at > now]
    return ripe, min(waits, default=None)
