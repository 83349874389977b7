"""Audiences as they are written: page by page under a version that nobody reads, then published by one update.

A draft has the next number of its audience's row; who begins another one takes its place, and then it can no longer
be published. So two at once end in one or the other, and what a draft that never ended has left is known for litter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from telemetry.store.audiences import COLLECTION, MEMBERS, pages_of, reach, versions
from telemetry.store.client import Connection
from telemetry.store.commands import Row, ensure, insert_new, patiently, read

# A fan-out that began with a version finds it for so long after it was replaced.
KEPT_FOR = timedelta(days=7)
# What a draft is about to include counts for others for so long: should it never be published, they get on.
MEANT_FOR = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Draft:
    """A version that is being written."""

    name: str
    version: int
    replaces: int | None  # what was published when it began
    litter: Sequence[int] = ()  # versions that nobody will read


class Drafts:
    """The `audiences` and `members` collections, as they are written."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = connection[COLLECTION]
        self._pages = connection[MEMBERS]

    async def begin(self, name: str) -> Draft:
        """Begin the next version of an audience; no draft that was begun before can be published any more."""
        await ensure(self._rows, name, {"draft": 0})
        while True:
            (row,) = await read(self._rows, {"_id": name})
            draft = Draft(name, row["draft"] + 1, row.get("version"), row.get("litter", ()))
            guard = {"_id": name, "draft": row["draft"], "version": draft.replaces}
            result = await patiently(self._rows.update_one, guard, self._begun(row, draft))
            if result.modified_count:
                return draft

    def _begun(self, row: Row, draft: Draft) -> Row:
        expires = self._connection.clock.now() - KEPT_FOR
        past = [one for one in row.get("past", ()) if one["at"] > expires]
        gone = {one["version"] for one in row.get("past", ())} - {one["version"] for one in past}
        if row["draft"] not in versions(row) and row["draft"]:
            gone.add(row["draft"])
        litter = sorted({*draft.litter, *gone})
        return {"$set": {"draft": draft.version, "past": past, "litter": litter}, "$unset": {"meant": ""}}

    async def add(self, draft: Draft, page: Sequence[str]) -> None:
        """Write some members, which come behind all that were written before."""
        row = {"_id": f"{draft.name}@{draft.version}|{page[-1]}", "members": list(page)}
        await insert_new(self._pages, [row])

    async def mean(self, draft: Draft, includes: Sequence[str]) -> None:
        """Say what a draft is about to include, for others that look for a cycle at the same time."""
        meant = {"includes": list(includes), "at": self._connection.clock.now()}
        await patiently(self._rows.update_one, _current(draft), {"$set": {"meant": meant}})

    async def includes(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Say what some audiences include, are about to include, and what these do, however deep."""
        rows = await reach(self._connection, names, self._included)
        return {name: self._included(row) for name, row in rows.items()}

    def _included(self, row: Row) -> list[str]:
        meant = row.get("meant")
        if meant is None or meant["at"] < self._connection.clock.now() - MEANT_FOR:
            return list(row.get("includes", ()))
        return [*row.get("includes", ()), *meant["includes"]]

    async def publish(self, draft: Draft, count: int, includes: Sequence[str]) -> bool:
        """Make a draft what its audience is; no, where another one was begun, or the audience removed."""
        now = self._connection.clock.now()
        fresh = {"version": draft.version, "count": count, "includes": list(includes), "at": now}
        change: Row = {"$set": fresh, "$unset": {"meant": ""}}
        if draft.replaces is not None:
            change["$push"] = {"past": {"version": draft.replaces, "at": now}}
        result = await patiently(self._rows.update_one, _current(draft) | {"version": draft.replaces}, change)
        if result.modified_count:
            return True
        # Made again after a broken connection, the update finds its own work, or that of one who came after it.
        (row,) = await read(self._rows, {"_id": draft.name})
        return draft.version in versions(row)

    async def discard(self, draft: Draft) -> None:
        """Take a draft back."""
        await patiently(self._rows.update_one, _current(draft), {"$unset": {"meant": ""}})
        await patiently(self._pages.delete_many, pages_of(draft.name, draft.version))

    async def clean(self, draft: Draft) -> None:
        """Delete what versions that nobody will read have left.

        What became litter when this draft began is deleted again by the next: its writer may still be at it.
        """
        (row,) = await read(self._rows, {"_id": draft.name}, fields={"litter": 1})
        for version in row.get("litter", ()):
            await patiently(self._pages.delete_many, pages_of(draft.name, version))
        change = {"$pull": {"litter": {"$in": list(draft.litter)}}}
        await patiently(self._rows.update_one, {"_id": draft.name}, change)


def _current(draft: Draft) -> Row:
    return {"_id": draft.name, "draft": draft.version}
