"""The connection: how durable a write is, how a failure reads, and what time it is over there."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

import anyio
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)
from pymongo import ReadPreference
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    DuplicateKeyError,
    InvalidURI,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.monitoring import CommandListener

from telemetry.core.errors import ConfigurationError as BadConfiguration
from telemetry.core.errors import TellonceError, UnavailableError

Row = dict[str, Any]
Collection = AsyncIOMotorCollection[Row]
Database = AsyncIOMotorDatabase[Row]
Session = AsyncIOMotorClientSession
T = TypeVar("T")
P = ParamSpec("P")

# The embedded server compares each row with each id of an `$in`: fifty at a time are fastest there.
EMBEDDED_CHUNK = 50
CHUNK = 500
TRIES = 3
DUPLICATE_KEY = 11000
# A clock of this process and the database's drift apart by far less than a millisecond in this time.
MEASURE_EVERY = 30.0
TRANSIENT_CODES = frozenset({6, 7, 50, 64, 89, 91, 100, 112, 189, 246, 262, 9001, 10107, 11600, 11602, 13435, 13436})


class DatabaseClock:
    """Database time, measured once in a while and carried on by this process's monotonic clock."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self._known_at = monotonic()
        self._known = datetime.now(UTC)

    def now(self) -> datetime:
        """Return database time, in UTC."""
        return self._known + timedelta(seconds=self.monotonic() - self._known_at)

    def learn(self, database_time: datetime, asked: float, answered: float) -> None:
        """Take the database's word for what time it was half-way between question and answer (monotonic)."""
        self._known = database_time.astimezone(UTC)
        self._known_at = (asked + answered) / 2


@dataclass(frozen=True)
class Connection:
    """A database, its clock, and how many ids one command should name."""

    client: AsyncIOMotorClient[Row]
    database: Database
    clock: DatabaseClock
    chunk: int

    def __getitem__(self, name: str) -> Collection:
        """Give a collection by its name."""
        return self.database[name]

    @asynccontextmanager
    async def causal(self) -> AsyncIterator[Session]:
        """Open a session in which each read sees at least what the one before it saw, across a failover too."""
        async with await self.client.start_session(causal_consistency=True) as session:
            yield session

    async def measure_clock(self) -> None:
        """Ask the database for its time; raise UnavailableError when it does not answer."""
        asked = self.clock.monotonic()
        answer = await patiently(self.client.admin.command, "hello")
        self.clock.learn(answer["localTime"], asked, self.clock.monotonic())

    async def keep_time(self) -> None:
        """Measure the clock again now and then, until cancelled; while the database is away the old measure holds."""
        while True:
            await anyio.sleep(MEASURE_EVERY)
            with suppress(UnavailableError):
                await self.measure_clock()


@asynccontextmanager
async def connect(
    uri: str,
    database: str,
    *,
    listeners: Sequence[CommandListener] = (),
    patience: float = 5.0,
    clock: DatabaseClock | None = None,
) -> AsyncIterator[Connection]:
    """Connect, or raise UnavailableError after `patience` seconds; a success means majority and journal."""
    client = _client(uri, listeners, patience)
    try:
        info = await patiently(client.admin.command, "buildInfo")
        chunk = EMBEDDED_CHUNK if "secantusVersion" in info else CHUNK
        connection = Connection(client, client[database], clock or DatabaseClock(), chunk)
        await connection.measure_clock()
        yield connection
    finally:
        client.close()


def _client(uri: str, listeners: Sequence[CommandListener], patience: float) -> AsyncIOMotorClient[Row]:
    milliseconds = int(patience * 1000)
    try:
        return AsyncIOMotorClient(
            uri,
            tz_aware=True,
            tzinfo=UTC,
            w="majority",
            journal=True,
            readConcernLevel="majority",
            read_preference=ReadPreference.PRIMARY,
            serverSelectionTimeoutMS=milliseconds,
            connectTimeoutMS=milliseconds,
            # A partition must end as an error: without a limit a read from a silent peer never returns.
            socketTimeoutMS=max(4 * milliseconds, 10_000),
            wTimeoutMS=max(2 * milliseconds, 5_000),
            appname="tellonce",
            event_listeners=list(listeners),
        )
    except (InvalidURI, ConfigurationError, ValueError) as error:
        raise BadConfiguration(f"TELLONCE_MONGODB_URI: {_without_secrets(error, uri)}") from None


def _without_secrets(error: Exception, uri: str) -> str:
    # The driver may quote what it could not read, password included.
    secret = uri.partition("://")[2].rpartition("@")[0]
    text = str(error)
    return (
        "cannot be read as a MongoDB address"
        if secret and any(part and part in text for part in secret.split(":"))
        else text
    )


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
    if code in (13, 18, 8000):
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


def chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Cut a sequence into pieces of at most `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]
