"""Change streams: a hint that something is new, never the truth about what is owed."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, NamedTuple

import anyio
from pymongo.errors import PyMongoError

from telemetry.core.delivery import State
from telemetry.store.client import Connection, Database
from telemetry.store.commands import Collection, patiently, translated

# How long the server may keep a quiet stream's question. The driver's thread is blocked for as long, so a
# stopping process waits for it; and an idle deployment asks this often.
MAX_AWAIT_MS = 4500
HINTS_AT_ONCE = 500
EARLY = 0.5
EVENTS = "events"
SHORTEST_PAUSE, LONGEST_PAUSE = 0.01, 0.2


class Hint(NamedTuple):
    """A row that is new or has changed."""

    collection: str
    id: str
    is_new: bool  # it was inserted just then


OpenFeed = Callable[[], AbstractAsyncContextManager[AsyncIterator[Hint]]]


@asynccontextmanager
async def follow_events(connection: Connection, beside: Sequence[str] = ()) -> AsyncIterator[AsyncIterator[Hint]]:
    """Open one stream: events that come or are revised, and any change in others beside them."""
    comes: list[Mapping[str, Any]] = [
        {"operationType": "insert"},
        {"updateDescription.updatedFields.revision": {"$exists": True}},
    ]
    async with _telling(connection, EVENTS, comes, beside) as hints:
        yield hints


@asynccontextmanager
async def follow_queue(
    connection: Connection, queue: str, beside: Sequence[str] = ()
) -> AsyncIterator[AsyncIterator[Hint]]:
    """Open one stream: rows of a queue that come to wait, and any change in others beside it."""
    waits: list[Mapping[str, Any]] = [
        {"operationType": {"$in": ["insert", "replace"]}, "fullDocument.state": State.PENDING.value},
        {"updateDescription.updatedFields.state": State.PENDING.value},
    ]
    async with _telling(connection, queue, waits, beside) as hints:
        yield hints


@asynccontextmanager
async def _telling(
    connection: Connection, collection: str, changes: Sequence[Mapping[str, Any]], beside: Sequence[str]
) -> AsyncIterator[AsyncIterator[Hint]]:
    told: list[Mapping[str, Any]] = [{"ns.coll": collection, "$or": list(changes)}, {"ns.coll": {"$in": list(beside)}}]
    stages: list[Mapping[str, Any]] = [
        {"$match": {"$or": told}},
        {"$project": {"hint": ["$ns.coll", "$documentKey._id", "$operationType"]}},
    ]
    async with _following(connection.database, stages) as hints:
        yield hints


@asynccontextmanager
async def _following(
    watched: Collection | Database, stages: Sequence[Mapping[str, Any]]
) -> AsyncIterator[AsyncIterator[Hint]]:
    stream = watched.watch(stages, max_await_time_ms=MAX_AWAIT_MS, batch_size=HINTS_AT_ONCE)
    try:
        await patiently(stream.__aenter__)
        yield _hints(stream)
    finally:
        with anyio.CancelScope(shield=True), suppress(PyMongoError):
            await stream.close()


async def _hints(stream: Any) -> AsyncIterator[Hint]:
    pause = 0.0
    try:
        while True:
            asked = anyio.current_time()
            change = await stream.try_next()
            if change is not None:
                pause = 0.0
                collection, name, operation = change["hint"]
                yield Hint(collection, name, operation == "insert")
            elif anyio.current_time() - asked < EARLY:
                # A server that answers every write, even those of others, is not asked at that rate.
                pause = min(max(2 * pause, SHORTEST_PAUSE), LONGEST_PAUSE)
                await anyio.sleep(pause)
    except PyMongoError as error:
        raise translated(error) from error
