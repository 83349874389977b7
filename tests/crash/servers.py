"""Which server a run takes place on: what the environment names, or else the embedded one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient

from telemetry.cli.embedded import EmbeddedServer, start_embedded_server
from tests.crash.replica_set import ReplicaSet, start_replica_set

URI, MONGOD = "TELLONCE_TEST_MONGODB_URI", "TELLONCE_TEST_MONGOD"


@dataclass(frozen=True)
class ForeignServer:
    """Somebody's replica set: used, never harmed."""

    uri: str


@contextmanager
def open_server(folder: Path, *, durable: bool) -> Iterator[ForeignServer | ReplicaSet | EmbeddedServer]:
    """Open a server with a folder of its own, if it is ours; one that is not durable may forget all at its end."""
    if uri := os.environ.get(URI):
        yield ForeignServer(uri)
    elif program := os.environ.get(MONGOD):
        with start_replica_set(program, folder) as members:
            yield members
    else:
        with start_embedded_server(folder if durable else None) as server:
            yield server


async def server_of(client: AsyncIOMotorClient[Any]) -> str:
    """Name the server that runs took place on."""
    build = await client.admin.command("buildInfo")
    told = f"MongoDB {build['version']}"
    return told if os.environ.get(URI) or os.environ.get(MONGOD) else f"the embedded server, which speaks as {told}"
