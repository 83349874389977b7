"""Writes of a carrier that stand or fall with the completion of its delivery."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import anyio
from pymongo import WriteConcern
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from telemetry.core.errors import ConflictError, UnavailableError
from telemetry.store.client import Connection
from telemetry.store.commands import TRIES, Session, patiently, translated

TRANSIENT = "TransientTransactionError"
UNKNOWN = "UnknownTransactionCommitResult"
DURABLE = WriteConcern("majority", j=True)
SNAPSHOT = ReadConcern("snapshot")
PAUSE = 0.2


class Transaction:
    """One transaction, which begins when its session is first asked for, and may never do so."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._session: Session | None = None
        self._written = self._ended = False
        self.begun = False

    async def open(self) -> "Transaction":
        """Make ready to begin."""
        if self._session is None:
            self._session = await patiently(self._connection.client.start_session)
        return self

    @property
    def session(self) -> Session:
        """Give the session; the transaction has begun from now on."""
        if self._session is None:
            raise RuntimeError("the transaction is not open")
        if not self.begun:
            self._session.start_transaction(SNAPSHOT, DURABLE)
            self.begun = True
        return self._session

    async def commit(self, write: Callable[[Session], Awaitable[bool]]) -> bool:
        """Write last what says that all of it is done, and commit; no, and nothing stands, where that did not match.

        Raises ConflictError where nothing stands as somebody else wrote the same. Raises UnavailableError where
        nobody knows: then the same call may be made again.
        """
        if self._session is None:
            raise ConflictError("the transaction was taken back")
        session = self.session
        try:
            if not self._written:
                if not await write(session):
                    await self.abort()
                    return False
                self._written = True
                # Who has ended it on its own had what it wrote by then.
                self._ended = not _running(session)
            if not self._ended:
                await self._commit(session)
        except PyMongoError as error:
            if error.has_error_label(UNKNOWN):
                raise UnavailableError("nobody knows whether the transaction was committed") from error
            await self.abort()
            if error.has_error_label(TRANSIENT):
                raise ConflictError("the transaction met another one") from error
            raise translated(error) from error
        return True

    async def close(self) -> None:
        """Take back what was not committed, however this process is hurried."""
        with anyio.CancelScope(shield=True):
            await self.abort()

    async def abort(self) -> None:
        """Take back what was not committed; nothing can be written with its session any more."""
        session, self._session = self._session, None
        if session is not None:
            # It is ended, not aborted alone: a cancelled call may still wait in the driver for its connection, and
            # with a session whose transaction is over it would write as if there had never been one.
            # Where the database cannot be told, it finds out by itself.
            with suppress(PyMongoError):
                await session.end_session()

    async def _commit(self, session: Session) -> None:
        for left in reversed(range(TRIES)):
            try:
                await session.commit_transaction()
            except PyMongoError as error:
                if not left or not error.has_error_label(UNKNOWN):
                    raise
                await anyio.sleep(PAUSE)
            else:
                return


def _running(session: Session) -> bool:
    running: Any = session.in_transaction  # typed as a method, but it is none
    return bool(running)


def met_another(error: BaseException) -> bool:
    """Say whether a transaction failed for no fault of its own, so that the whole may be done again."""
    if isinstance(error, BaseExceptionGroup):
        return any(met_another(leaf) for leaf in error.exceptions)
    return isinstance(error, PyMongoError) and error.has_error_label(TRANSIENT)
