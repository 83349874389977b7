"""Where a person's keys stand besides the rows of their events: found by reading through, changed row by row."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from telemetry.core.erasure import holds, renamed
from telemetry.store.channels import Batch, batch_from, batch_row
from telemetry.store.client import Connection
from telemetry.store.commands import Row, patiently, read, walk
from telemetry.store.schedules import COLLECTION as SCHEDULES

# Where what operators did and why, and what producers sent amiss, may name a key or quote an id. Whatever else stands
# in these rows is ours: a person of that name is not meant.
TOLD: Mapping[str, Sequence[str]] = {
    "consumers": ("pause.reason",),
    "endpoints": ("disabled.reason",),
    "erasures": ("reason",),
    "events": ("cancelled.reason",),
    "operations": (
        "reason",
        "after",
        *(f"selection.{name}" for name in ("event", "delivery", "destination", "reason")),
    ),
    "pauses": ("reason",),
    "runs": ("paused.reason", "resumed.reason", "ended.reason"),
    "warnings": ("sample",),
}
# An operation that runs goes on by its place and by what it selects: of these only erased keys are nothing to it.
RUNNING = ("operations", "running")
NAMES_OF_RUNNING, WORDS_OF_RUNNING = ("selection.event", "selection.delivery"), ("reason",)


class Traces:
    """All collections in which somebody's key or id may stand."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def aliases(self, keys: Collection[str]) -> dict[str, str]:
        """Find the keys that block on behalf of some, by theirs."""
        rows = walk(self._connection["events"], {"alias": {"$exists": True}, "erased": {"$exists": False}})
        return {row["_id"]: row["alias"] async for row in rows if row["alias"] in keys}

    async def batches(self, keys: Collection[str]) -> dict[str, Batch]:
        """Find the messages recorded last of each channel and user that carry a delivery of some events."""
        found: dict[str, Batch] = {}
        async for row in walk(self._connection["channels"], {"batch": {"$exists": True}}, {"batch": 1}):
            batch = batch_from(row["batch"])
            if holds([name for name, _ in batch.members], keys):
                found[row["_id"]] = batch
        return found

    async def rename_batch(self, channel: str, batch: Batch, names: Mapping[str, str]) -> None:
        """Name the members of a message that is resolved by their tombstones."""
        members = [(renamed(name, names), generation) for name, generation in batch.members]
        spelt = [{"id": name, "generation": generation} for name, generation in members]
        guard = {"_id": channel, "batch.nonce": batch.nonce, "batch.members": batch_row(batch)["members"]}
        await patiently(self._connection["channels"].update_one, guard, {"$set": {"batch.members": spelt}})

    async def remove_aliases(self, aliases: Collection[str]) -> None:
        """Delete keys that block on behalf of others, where a tombstone stands for them."""
        for alias in aliases:
            await patiently(self._connection["events"].delete_one, {"_id": alias, "alias": {"$exists": True}})

    async def rename_origins(self, names: Mapping[str, str]) -> None:
        """Name what a handler's events follow from by the tombstones."""
        rows = self._connection["events"]
        async for row in walk(rows, {"origin.event": {"$exists": True}}, {"origin": 1}):
            if row["origin"]["event"] in names:
                guard = {"_id": row["_id"], "origin.event": row["origin"]["event"]}
                await patiently(rows.update_one, guard, {"$set": {"origin.event": names[row["origin"]["event"]]}})

    async def redact(self, redact: Callable[[str], str], names: Mapping[str, str]) -> None:
        """Take a person out of what was noted of operators and producers; what an operation that runs needs stays."""
        for name, fields in TOLD.items():
            query: Row = {"$or": [{field: {"$exists": True}} for field in fields]}
            async for row in walk(self._connection[name], query, dict.fromkeys(("state", *fields), 1)):
                said = {field: text for field in fields if isinstance(text := _at(row, field), str)}
                runs = (name, row.get("state")) == RUNNING
                fresh = _of_running(said, redact, names) if runs else _redacted(said, redact)
                changed = {field: text for field, text in fresh.items() if text != said[field]}
                guard: Row = {"_id": row["_id"], **{field: said[field] for field in changed}}
                if changed:
                    await patiently(self._connection[name].update_one, guard, {"$set": changed})

    async def schedules(self, distinct_id: str) -> list[str]:
        """Name the schedules that would make events of a person."""
        query: Row = {"$or": [{"distinct_id": distinct_id}, {"due.distinct_id": distinct_id}]}
        rows = await read(self._connection[SCHEDULES], query, sort=(("_id", 1),))
        return [row["_id"] for row in rows if "removed_at" not in row or row.get("due")]

    async def scrub_schedules(self, distinct_id: str) -> None:
        """Take out of removed schedules what they said of a person; their names and numbers stay."""
        removed: Row = {"distinct_id": distinct_id, "removed_at": {"$exists": True}}
        empty = {"$set": {"distinct_id": "", "properties": {}}}
        await patiently(self._connection[SCHEDULES].update_many, removed, empty)


def _at(row: Row, field: str) -> Any:
    outer, _, inner = field.partition(".")
    told = row.get(outer)
    return told.get(inner) if inner and isinstance(told, Mapping) else told


def _redacted(said: Mapping[str, str], redact: Callable[[str], str]) -> dict[str, str]:
    return {field: redact(text) for field, text in said.items()}


def _of_running(said: Mapping[str, str], redact: Callable[[str], str], names: Mapping[str, str]) -> dict[str, str]:
    words = {field: text for field, text in said.items() if field in WORDS_OF_RUNNING}
    return _redacted(words, redact) | {
        field: renamed(text, names) for field, text in said.items() if field in NAMES_OF_RUNNING
    }
