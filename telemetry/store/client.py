"""The connection: how durable a write is, and what time it is over there."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import anyio
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from pymongo import ReadPreference
from pymongo.errors import ConfigurationError, InvalidURI
from pymongo.monitoring import CommandListener

from telemetry.core.errors import ConfigurationError as BadConfiguration
from telemetry.core.errors import UnavailableError
from telemetry.store.commands import Collection, Row, Session, patiently

Database = AsyncIOMotorDatabase[Row]

# The embedded server compares each row with each id of an `$in`: fifty at a time are fastest there.
EMBEDDED_CHUNK = 50
CHUNK = 500
# A clock of this process and the database's drift apart by far less than a millisecond in this time.
MEASURE_EVERY = 30.0


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

    async def moment(self) -> datetime:
        """Ask the database for a time that whatever it has dated until now is before."""
        answer = await patiently(self.client.admin.command, "hello")
        at: datetime = answer["localTime"]
        return at.astimezone(UTC) + timedelta(milliseconds=1)

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
