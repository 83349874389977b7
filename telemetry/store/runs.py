"""The runs: what was decided of each fan-out before its first offer, and how far it has come since."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from telemetry.core.delivery import State
from telemetry.core.fan_out import FanOut
from telemetry.core.pin import Pin
from telemetry.core.run import ENDED, Ended, Pace, Run, RunState
from telemetry.store.client import Connection
from telemetry.store.commands import Row, ensure, patiently, read
from telemetry.store.deliveries import of_events
from telemetry.store.documents import delivery_from, delivery_row, read_as, restored, stored

COLLECTION = "runs"
# A range, as no index answers `$exists` on every server.
FROM_THE_FIRST = {"$gte": 0}
MOST_REFUSALS = 100
# What the offers alone read: it may be large.
_PIN = ("plain", "fan_outs")


class Runs:
    """The `runs` collection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = connection[COLLECTION]

    async def ensure(self, pin: Pin) -> None:
        """Make a run unless there is one: whatever was decided first stands."""
        await ensure(self._rows, pin.run, _fresh(pin))

    async def pin(self, run: str) -> Pin | None:
        """Read what was decided of a run."""
        row = await patiently(self._rows.find_one, {"_id": run})
        return _pin(row) if row else None

    async def read(self, run: str) -> Run | None:
        """Read how a run stands."""
        found = await self._read({"_id": run})
        return found[0] if found else None

    async def of_event(self, key: str) -> list[Run]:
        """Read the runs of an event."""
        return await self._read(of_events([key]))

    async def open(self) -> list[Run]:
        """Read the runs in which something is left to do, the oldest first."""
        return await self._read({"open": FROM_THE_FIRST}, sort=(("open", 1), ("_id", 1)))

    async def offering(self) -> list[str]:
        """Name the runs whose deliveries are not all offered, or whose event is not known to be acked."""
        query = {"offering": FROM_THE_FIRST}
        return [row["_id"] for row in await read(self._rows, query, fields={"_id": 1}, sort=(("offering", 1),))]

    async def offering_of(self, keys: Sequence[str]) -> set[str]:
        """Say which of some events have a run whose deliveries are not all offered."""
        query = of_events(keys) | {"total": {"$exists": False}}
        return {row["event"] for row in await read(self._rows, query, fields={"event": 1})}

    async def note_page(self, before: Run, after: Run, refusals: Mapping[str, str]) -> bool:
        """Note that the deliveries up to a member are offered; no, where somebody else has offered on."""
        names = ("turns", "offered", "unfit", "refused", "after")
        change: Row = {"$set": {name: getattr(after, name) for name in names}}
        if refusals:
            told = [{"id": name, "why": why} for name, why in refusals.items()]
            change["$push"] = {"refusals": {"$each": told, "$slice": MOST_REFUSALS}}
        guard: Row = {"_id": before.id, "turns": before.turns, "after": before.after, "total": {"$exists": False}}
        result = await patiently(self._rows.update_one, guard, change)
        return bool(result.matched_count)

    async def complete(self, run: Run) -> None:
        """Note that all deliveries of a run are offered and its event acked."""
        change = {"$set": {"total": run.offered}, "$unset": {"offering": ""}}
        await patiently(self._rows.update_one, {"_id": run.id, "total": {"$exists": False}}, change)

    async def advance(self, before: Run, after: Run) -> bool:
        """Note what is let out and what came of it; no, where the run is not as it was read."""
        change: Row = {"$set": _moved(after), "$inc": {"step": 1}}
        if after.state in ENDED and after.is_over:
            change["$unset"] = {"open": ""}
        guard = {"_id": before.id, "step": before.step, "state": before.state.value}
        result = await patiently(self._rows.update_one, guard, change)
        return bool(result.modified_count)

    async def pause(self, run: str, ended: Ended) -> bool:
        """Let nothing more out of a running run; answer whether it was running."""
        return await self._switch(run, RunState.RUNNING, RunState.PAUSED, paused=asdict(ended))

    async def resume(self, run: str, mark: Ended) -> bool:
        """Let a paused run go on, its rate measured anew; answer whether it was paused."""
        gone = ("pace", "paused")
        return await self._switch(run, RunState.PAUSED, RunState.RUNNING, gone, resumed=asdict(mark))

    async def cancel(self, run: str, ended: Ended) -> bool:
        """Begin to skip what waits in a run; answer whether it could be begun."""
        for state in (RunState.RUNNING, RunState.PAUSED):
            if await self._switch(run, state, RunState.CANCELLING, gone=("paused",), ended=asdict(ended)):
                return True
        return False

    async def cancel_of(self, keys: Sequence[str], ended: Ended) -> None:
        """Begin to skip what waits in the runs of events, and what is offered yet, however they stand."""
        going_on = {"state": {"$in": [RunState.RUNNING.value, RunState.PAUSED.value]}}
        change: Row = {"$set": {"state": RunState.CANCELLING.value, "ended": asdict(ended)}, "$unset": {"paused": ""}}
        await patiently(self._rows.update_many, of_events(keys) | going_on, change)

    async def refusals(self, run: str) -> dict[str, str]:
        """Say of some deliveries that the database would not have why that was."""
        rows = await read(self._rows, {"_id": run}, fields={"refusals": 1})
        return {told["id"]: told["why"] for row in rows for told in row.get("refusals", [])}

    async def scrub(self, keys: Sequence[str]) -> None:
        """Remove the bodies from what was decided of events; whom they were for, and how many each got, stays."""
        empty: Row = {"plain.$[].body": {}, "fan_outs.$[].bodies.$[]": {}, "fan_outs.$[].fields": {}}
        await patiently(self._rows.update_many, of_events(keys), {"$set": empty})

    async def forget(self, keys: Sequence[str]) -> None:
        """Delete the runs of events that are about to be forgotten."""
        await patiently(self._rows.delete_many, of_events(keys))

    async def _switch(
        self, run: str, source: RunState, target: RunState, gone: Sequence[str] = (), **mark: Any
    ) -> bool:
        switched = {"state": target.value, **mark}
        change: Row = {"$set": switched}
        if gone:
            change["$unset"] = dict.fromkeys(gone, "")
        # What an earlier try of this call has switched is switched by it.
        guard: Row = {"_id": run, "$or": [{"state": source.value}, switched]}
        result = await patiently(self._rows.update_one, guard, change)
        return bool(result.matched_count)

    async def _read(self, query: Row, sort: Sequence[tuple[str, int]] = (("_id", 1),)) -> list[Run]:
        fields = dict.fromkeys((*_PIN, "refusals"), 0)
        return [_run(row) for row in await read(self._rows, query, fields=fields, sort=sort)]


def _fresh(pin: Pin) -> Row:
    return {
        "event": pin.event,
        "consumer": pin.consumer,
        "receipt": pin.receipt,
        "account": pin.account,
        "order": pin.order,
        "ready_at": pin.ready_at,
        "fired": pin.fired,
        "plain": [delivery_row(delivery) for delivery in pin.plain],
        "fan_outs": [_fan_out_row(*meant) for meant in zip(pin.fan_outs, pin.versions, strict=True)],
        "state": RunState.RUNNING.value,
        "open": pin.order,
        "offering": pin.order,
        "beside": len(pin.plain),
        # Guards compare with these.
        "turns": 0,
        "after": "",
        "step": 0,
    }


def _fan_out_row(fan_out: FanOut, versions: Mapping[str, int]) -> Row:
    return {
        "versions": [{"audience": name, "version": version} for name, version in sorted(versions.items())],
        "audiences": list(fan_out.audiences),
        "kinds": list(fan_out.kinds),
        "bodies": [stored(body) for body in fan_out.bodies],
        "account": fan_out.account,
        "fields": stored(dict(fan_out.fields)),
    }


def _pin(row: Row) -> Pin:
    return Pin(
        event=row["event"],
        consumer=row["consumer"],
        receipt=row["receipt"],
        order=row["order"],
        ready_at=row["ready_at"],
        fired=row.get("fired"),
        plain=[delivery_from(told) for told in row["plain"]],
        fan_outs=[_fan_out(told) for told in row["fan_outs"]],
        versions=[{one["audience"]: one["version"] for one in told["versions"]} for told in row["fan_outs"]],
    )


def _fan_out(row: Row) -> FanOut:
    fields = restored(row["fields"])
    if "state" in fields:
        fields["state"] = State(fields["state"])
    return FanOut(row["audiences"], row["kinds"], [restored(body) for body in row["bodies"]], row["account"], fields)


def _run(row: Row) -> Run:
    return Run(
        id=row["_id"],
        event=row["event"],
        consumer=row["consumer"],
        account=row["account"],
        order=row["order"],
        state=RunState(row["state"]),
        plain=row["beside"],
        active=tuple(row.get("active", ())),
        counts={State(name): number for name, number in row.get("counts", {}).items()},
        ended=read_as(Ended, row["ended"]) if "ended" in row else None,
        pace=read_as(Pace, row["pace"]) if row.get("pace") else None,
        total=row.get("total"),
        after=row.get("after", ""),
        **{name: row.get(name, 0) for name in ("turns", "offered", "unfit", "refused", "admitted", "step")},
    )


def _moved(run: Run) -> Row:
    return {
        "state": run.state.value,
        "admitted": run.admitted,
        "active": list(run.active),
        "counts": {state.value: number for state, number in run.counts.items()},
        "pace": asdict(run.pace) if run.pace else None,
    }
