"""The indexes, declared in one table and compared with what is there at every boot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymongo.errors import OperationFailure, PyMongoError

from telemetry.core.errors import ConfigurationError
from telemetry.store.client import Connection
from telemetry.store.commands import DUPLICATE_KEY, Collection, patiently, translated

DUPLICATES_SHOWN = 5
EXISTS_OTHERWISE = (85, 86)


@dataclass(frozen=True, slots=True)
class Index:
    """One declared index; `only` is its partial filter, `sparse` leaves out rows without the field."""

    collection: str
    name: str
    keys: tuple[tuple[str, int], ...]
    only: Mapping[str, Any] = field(default_factory=dict)
    unique: bool = False
    sparse: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """What decides whether an existing index is this one."""
        partial = {"partialFilterExpression": dict(self.only)} if self.only else {}
        return partial | {name: True for name in ("unique", "sparse") if getattr(self, name)}


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a boot found and did about one index: `kept`, `built` or `rebuilt`."""

    index: Index
    action: str


# Both hold unfinished rows only, so neither their size nor the cost of work grows with history. One field each:
# a compound sparse index would hold every row, and the embedded server reads by no partial one.
OWED = Index("events", "owed", (("due_at", 1),), sparse=True)
# Runs in which something is left to do, and those that are not offered to their end.
RUNS = (Index("runs", "open", (("open", 1),), sparse=True), Index("runs", "offering", (("offering", 1),), sparse=True))


def work(queue: str) -> Index:
    """Declare the work index of a consumer's queue, whose one field spells state, destination and order."""
    return Index(queue, "work", (("work", 1),), sparse=True)


def line(queue: str) -> Index:
    """Declare the index of the lines in which a queue's deliveries stand, group by group."""
    return Index(queue, "line", (("line", 1),), sparse=True)


def queue_indexes(consumer: str) -> list[Index]:
    """List the indexes of a consumer's queue."""
    return [work(f"{consumer}_queue"), line(f"{consumer}_queue")]


def declared(consumers: Sequence[str]) -> list[Index]:
    """List every index that the given consumers' deployment needs."""
    return [OWED, *RUNS, *(index for name in consumers for index in queue_indexes(name))]


async def reconcile(connection: Connection, indexes: Sequence[Index]) -> list[Reconciled]:
    """Make the actual indexes what is declared; raise ConfigurationError naming duplicate rows in the way."""
    return [Reconciled(index, await _reconcile(connection[index.collection], index)) for index in indexes]


async def inspect(connection: Connection, indexes: Sequence[Index]) -> list[tuple[Index, str]]:
    """Say of each declared index whether it is `right`, `missing` or `different`, changing nothing."""
    return [(index, _verdict(index, await _actual(connection[index.collection], index))) for index in indexes]


async def _reconcile(collection: Collection, index: Index) -> str:
    verdict = _verdict(index, await _actual(collection, index))
    if verdict == "right":
        return "kept"
    if verdict == "different":
        await patiently(collection.drop_index, index.name)
    try:
        await collection.create_index(list(index.keys), name=index.name, **index.options)
    except OperationFailure as error:
        if error.code == DUPLICATE_KEY:
            raise ConfigurationError(await _duplicates(collection, index)) from error
        if error.code in EXISTS_OTHERWISE:
            raise ConfigurationError(
                f"index {index.collection}.{index.name}: the same keys are indexed under another name or with "
                f"other options; drop that index, then start again"
            ) from error
        raise translated(error) from error
    except PyMongoError as error:
        raise translated(error) from error
    return "built" if verdict == "missing" else "rebuilt"


async def _actual(collection: Collection, index: Index) -> Mapping[str, Any] | None:
    rows = await patiently(lambda: collection.list_indexes().to_list(None))
    return next((row for row in rows if row["name"] == index.name), None)


def _verdict(index: Index, actual: Mapping[str, Any] | None) -> str:
    if actual is None:
        return "missing"
    options = {
        name: _plain(value)
        for name, value in actual.items()
        if name in ("partialFilterExpression", "unique", "sparse", "expireAfterSeconds", "collation") and value
    }
    same = tuple((name, int(way)) for name, way in actual["key"].items()) == index.keys
    return "right" if same and options == index.options else "different"


def _plain(value: Any) -> Any:
    return {name: _plain(item) for name, item in value.items()} if isinstance(value, Mapping) else value


async def _duplicates(collection: Collection, index: Index) -> str:
    fields = [name for name, _ in index.keys]
    group = {
        "_id": {name.replace(".", "_"): f"${name}" for name in fields},
        "n": {"$sum": 1},
        "ids": {"$push": "$_id"},
    }
    stages: list[Mapping[str, Any]] = [{"$match": dict(index.only)}] if index.only else []
    stages += [{"$group": group}, {"$match": {"n": {"$gt": 1}}}, {"$limit": DUPLICATES_SHOWN}]
    rows = await patiently(lambda: collection.aggregate(stages).to_list(None))
    named = "; ".join(f"{tuple(row['_id'].values())} in rows {', '.join(map(str, row['ids'][:5]))}" for row in rows)
    return (
        f"index {index.collection}.{index.name} must be unique but rows repeat: {named}; merge them, then start again"
    )
