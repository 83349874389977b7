"""Audiences as they are published: a version that is published never changes, and one that is replaced stays a while.

A row of `members` is a page: some members of one version, in order, under the id `<name>@<version>|<last of them>`.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from telemetry.core.audience import no_such_audience
from telemetry.core.errors import ConfigurationError, TellonceError
from telemetry.store.client import Connection
from telemetry.store.commands import Row, chunks, patiently, read, walk
from telemetry.store.merge import merged

COLLECTION, MEMBERS = "audiences", "members"
PAGES_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Audience:
    """What is published under a name; those that it includes are not counted."""

    name: str
    version: int
    count: int
    includes: Sequence[str]
    at: datetime


class Audiences:
    """The `audiences` and `members` collections, as they are read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = connection[COLLECTION]
        self._pages = connection[MEMBERS]

    async def all(self) -> list[Audience]:
        """Read every audience, by name."""
        return [_audience(row) for row in await read(self._rows, PUBLISHED, sort=(("_id", 1),))]

    async def reach(self, names: Sequence[str]) -> dict[str, Audience]:
        """Read those audiences that exist among some, and all that they include, however deep."""
        rows = await reach(self._connection, names, lambda row: row.get("includes", ()))
        return {name: _audience(row) for name, row in rows.items() if "version" in row}

    async def pin(self, names: Sequence[str]) -> dict[str, int]:
        """Give the version that is published of some audiences and of all that they include.

        Audiences that hold each other are no endless way: each is read once. Raises ConfigurationError, which
        names it, where there is no such audience.
        """
        found = await self.reach(names)
        for name in (*names, *(held for one in found.values() for held in one.includes)):
            if name not in found:
                raise ConfigurationError(no_such_audience(name))
        return {name: audience.version for name, audience in found.items()}

    async def members(self, pinned: Mapping[str, int], kinds: Sequence[str], after: str = "") -> AsyncIterator[str]:
        """Read the members of some kinds in some versions, each once and in order, from behind `after` on.

        However many there are, a page of each version is held at a time. Raises TellonceError at the end where
        a version is gone by now: then some may be missing.
        """
        starts = tuple(f"{kind}:" for kind in kinds)
        last = after
        streams = [self._members(name, version, after) for name, version in pinned.items()]
        async for member in merged(streams, key=str):
            if member > last and member.startswith(starts):
                yield member
                last = member
        # After the reading: what is there now was there all the time, as nothing that was deleted comes back.
        if gone := await self.gone(pinned):
            raise TellonceError(gone)

    async def gone(self, pinned: Mapping[str, int]) -> str | None:
        """Say which of some versions is not kept any more, if one is not."""
        for some in chunks(list(pinned), self._connection.chunk):
            rows = await read(self._rows, {"_id": {"$in": list(some)}}, fields={"version": 1, "past.version": 1})
            kept = {row["_id"]: versions(row) for row in rows}
            for name in some:
                if pinned[name] not in kept.get(name, ()):
                    return f"audience {name!r}: version {pinned[name]} was replaced and is gone by now"
        return None

    async def holders(self, name: str) -> list[str]:
        """Name the audiences that include one."""
        query = {"includes": name, **PUBLISHED}
        return [row["_id"] for row in await read(self._rows, query, fields={"_id": 1}, sort=(("_id", 1),))]

    async def holding(self, member: str) -> list[str]:
        """Name the audiences that have a member in a version that is kept. It reads through all members."""
        rows = await read(self._pages, {"members": member}, fields={"_id": 1})
        return sorted({row["_id"].partition("@")[0] for row in rows})

    async def remove(self, audience: Audience) -> bool:
        """Remove an audience, unless it has changed; answer whether it was so. Its last version stays a while."""
        past = {"version": audience.version, "at": self._connection.clock.now()}
        # The row stays with its numbers: a version that is pinned somewhere must never be another's.
        change = {"$unset": dict.fromkeys(("version", "count", "includes", "at"), ""), "$addToSet": {"past": past}}
        # What an earlier try of this call has removed is removed by it.
        removed = {"version": {"$exists": False}, "past": {"$elemMatch": past}}
        guard = {"_id": audience.name, "$or": [{"version": audience.version}, removed]}
        result = await patiently(self._rows.update_one, guard, change)
        return bool(result.matched_count)

    async def _members(self, name: str, version: int, after: str) -> AsyncIterator[str]:
        async for page in walk(self._pages, pages_of(name, version, after), page=PAGES_AT_ONCE):
            for member in page["members"]:
                yield member


PUBLISHED: Mapping[str, Any] = {"version": {"$exists": True}}


async def reach(connection: Connection, names: Sequence[str], held: Callable[[Row], Sequence[str]]) -> dict[str, Row]:
    """Read the rows of some audiences and of all that these hold, however deep, each once."""
    found: dict[str, Row] = {}
    asked, wanted = set[str](), set(names)
    while wanted:
        asked |= wanted
        rows: list[Row] = []
        for some in chunks(sorted(wanted), connection.chunk):
            rows += await read(connection[COLLECTION], {"_id": {"$in": list(some)}})
        found |= {row["_id"]: row for row in rows}
        wanted = {name for row in rows for name in held(row)} - asked
    return found


def pages_of(name: str, version: int, after: str = "") -> Row:
    """Find the pages of a version, or those that hold what comes behind a member."""
    return {"_id": {"$gt": f"{name}@{version}|{after}", "$lt": f"{name}@{version}}}"}}


def versions(row: Row) -> list[int]:
    """List the versions of an audience whose members are kept."""
    return [past["version"] for past in row.get("past", ())] + ([row["version"]] if "version" in row else [])


def _audience(row: Row) -> Audience:
    return Audience(row["_id"], row["version"], row["count"], row["includes"], row["at"])
