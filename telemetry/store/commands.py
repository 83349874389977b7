"""Commands to the database: each is made again where that is safe, and its failure is said in our words."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

import anyio
from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorCollection
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DuplicateKeyError,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from telemetry.core.errors import TellonceError, UnavailableError

Row = dict[str, Any]
Collection = AsyncIOMotorCollection[Row]
Session = AsyncIOMotorClientSession
T = TypeVar("T")
P = ParamSpec("P")

TRIES = 3
PAGE = 500
DUPLICATE_KEY = 11000
# Elections, shutdowns, time limits and lost connections (MongoDB, "Error Codes").
TRANSIENT_CODES = frozenset({6, 7, 50, 64, 89, 91, 100, 112, 189, 246, 262, 9001, 10107, 11600, 11602, 13435, 13436})
NO_ACCESS_CODES = frozenset({13, 18, 8000})


async def patiently(call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Make an idempotent call, again where the connection broke; raise UnavailableError when it stays away."""
    for left in reversed(range(TRIES)):
        try:
            return await call(*args, **kwargs)
        except ServerSelectionTimeoutError as error:
            raise UnavailableError("the database does not answer") from error
        except AutoReconnect as error:
            if not left:
                raise UnavailableError(f"the database connection broke: {_brief(error)}") from error
            await anyio.sleep(0.05)
        except PyMongoError as error:
            raise translated(error) from error
    raise AssertionError  # the last try returns or raises


def translated(error: PyMongoError) -> TellonceError:
    """Say a driver's error in our words: unavailable for the moment, or wrong for good."""
    code = getattr(error, "code", None)
    if isinstance(error, AutoReconnect) or code in TRANSIENT_CODES or error.timeout:
        return UnavailableError(f"the database cannot do this now: {_brief(error)}")
    if code in NO_ACCESS_CODES:
        return UnavailableError("the database refused our credentials: check TELLONCE_MONGODB_URI")
    return TellonceError(f"the database refused: {_brief(error)}")


def _brief(error: Exception) -> str:
    return str(error).splitlines()[0][:200]


async def read(
    collection: Collection,
    query: Mapping[str, Any],
    *,
    fields: Mapping[str, Any] | None = None,
    sort: Sequence[tuple[str, int]] = (),
    limit: int = 0,
    session: Session | None = None,
) -> list[Row]:
    """Read all rows that a query finds; raise UnavailableError when the database cannot answer."""

    async def once() -> list[Row]:
        cursor = collection.find(query, fields, session=session).limit(limit)
        return await (cursor.sort(list(sort)) if sort else cursor).to_list(None)

    return await patiently(once)


async def walk(
    collection: Collection, query: Mapping[str, Any], fields: Mapping[str, Any] | None = None, page: int = PAGE
) -> AsyncIterator[Row]:
    """Read all rows that a query finds, however many, in the order of their ids' bytes."""
    try:
        # Small pages: the reader holds one at a time, so its memory does not depend on what is stored.
        async for row in collection.find(query, fields).sort("_id", 1).batch_size(page):
            yield row
    except PyMongoError as error:
        raise translated(error) from error


async def counted(collection: Collection, query: Mapping[str, Any], most: int = 0) -> int:
    """Count the rows that a query finds, up to `most` where that is given: a count's cost has an end then."""
    # The driver takes no limit of nothing.
    limit: Row = {"limit": most} if most else {}
    return int(await patiently(collection.count_documents, query, **limit))


async def insert_new(collection: Collection, rows: Sequence[Row]) -> list[str]:
    """Insert rows, durably, and answer with the ids that were taken; whatever stands under them stays.

    Safe to repeat. Raises UnavailableError when the database did not confirm it, TellonceError when it
    refused a row for good; the others are written all the same.
    """

    async def once() -> list[str]:
        try:
            await collection.insert_many(rows, ordered=False)
        except BulkWriteError as error:
            return _taken(error, rows)
        return []

    return await patiently(once)


def _taken(error: BulkWriteError, rows: Sequence[Row]) -> list[str]:
    details = error.details or {}
    failed: list[Mapping[str, Any]] = details.get("writeErrors", [])
    refused = [entry for entry in failed if entry.get("code") != DUPLICATE_KEY]
    if refused:
        said = _text(refused[0])
        transient = refused[0].get("code") in TRANSIENT_CODES
        raise UnavailableError(said) if transient else TellonceError(said)
    if unconfirmed := details.get("writeConcernErrors"):
        raise UnavailableError(_text(unconfirmed[0]))
    return [rows[entry["index"]]["_id"] for entry in failed]


def _text(entry: Mapping[str, Any]) -> str:
    return f"the database did not take a write: {entry.get('errmsg', '')[:200]}"


async def ensure(collection: Collection, name: str, fresh: Mapping[str, Any]) -> None:
    """Make a row unless there is one; two that make it at once are no error."""

    async def once() -> None:
        with suppress(DuplicateKeyError):
            await collection.update_one({"_id": name}, {"$setOnInsert": fresh}, upsert=True)

    await patiently(once)


async def upsert(collection: Collection, guard: Mapping[str, Any], change: Mapping[str, Any]) -> bool:
    """Change the row that a guard finds by its id, or make it; no, where a row of that id does not fit the guard."""

    async def once() -> bool:
        with suppress(DuplicateKeyError):
            await collection.update_one(guard, change, upsert=True)
            return True
        return False

    return await patiently(once)


def chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Cut a sequence into pieces of at most `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]
