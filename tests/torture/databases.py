"""The servers that a torture can run on: our own, which it may kill, a replica set of its own, or a foreign one."""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from telemetry.cli.embedded import EmbeddedServer
from tests.crash.replica_set import ReplicaSet
from tests.crash.servers import ForeignServer, open_server
from tests.torture.plan import Act, Kind


class Embedded:
    """The embedded server, killed and started again on the same port."""

    abilities: Collection[Kind] = frozenset({Kind.DATABASE})

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        self._lock = asyncio.Lock()
        self.uri = server.uri

    async def act(self, act: Act) -> None:
        """Kill it, and start it again after a while."""
        async with self._lock:
            self._server.kill()
            await asyncio.sleep(act.seconds)
            # Where it was started, as it ends with its thread.
            self._server.restart()


class Foreign:
    """Somebody's replica set: used, never harmed."""

    abilities: Collection[Kind] = frozenset()

    def __init__(self, uri: str) -> None:
        self.uri = uri

    async def act(self, act: Act) -> None:
        """Leave it alone."""


class Own:
    """A replica set of our own, whose primary steps down or dies."""

    abilities: Collection[Kind] = frozenset({Kind.DATABASE, Kind.STEP_DOWN})

    def __init__(self, members: ReplicaSet) -> None:
        self._members = members
        self._lock = asyncio.Lock()
        self.uri = members.uri

    async def act(self, act: Act) -> None:
        """Kill the primary and start it again after a while, or make it step down."""
        async with self._lock:
            primary = await asyncio.to_thread(self._primary)
            if primary is None:
                return
            if act.kind is Kind.DATABASE:
                self._members.kill(primary)
                await asyncio.sleep(act.seconds)
                self._members.start(primary)
            else:
                await asyncio.to_thread(self._step_down)

    def _primary(self) -> int | None:
        with MongoClient[dict[str, object]](self.uri, serverSelectionTimeoutMS=10_000) as client:
            with suppress(PyMongoError):
                client.admin.command("ping")
            return client.primary[1] if client.primary else None

    def _step_down(self) -> None:
        # It closes the connection that asked for it.
        with MongoClient[dict[str, object]](self.uri) as client, suppress(PyMongoError):
            client.admin.command("replSetStepDown", 10, force=True)


@contextmanager
def open_database(folder: Path) -> Iterator[Embedded | Foreign | Own]:
    """Open a server, together with what may be done to it."""
    with open_server(folder / "database", durable=True) as server:
        match server:
            case EmbeddedServer():
                yield Embedded(server)
            case ReplicaSet():
                yield Own(server)
            case ForeignServer():
                yield Foreign(server.uri)
