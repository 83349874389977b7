"""The server that runs share, by whichever means the environment offers one."""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from pymongo import AsyncMongoClient

from telemetry.cli.embedded import start_embedded_server
from tests.crash.offspring import open_nursery
from tests.crash.replica_set import start_replica_set
from tests.crash.stage import Document, Ground

URI, MONGOD = "TELLONCE_TEST_MONGODB_URI", "TELLONCE_TEST_MONGOD"


@asynccontextmanager
async def open_ground(uri: str | None = None) -> AsyncIterator[Ground]:
    """Open the ground of a matrix: on a given server, or on what the environment has to offer."""
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="tellonce-crash-")))
        own = uri or _open_server(held, folder / "database")
        async with open_nursery() as nursery, AsyncMongoClient[Document](own) as client:
            yield Ground(own, client, nursery, folder)


def _open_server(held: ExitStack, folder: Path) -> str:
    if given := os.environ.get(URI):
        return given
    if program := os.environ.get(MONGOD):
        return held.enter_context(start_replica_set(program, folder)).uri
    return held.enter_context(start_embedded_server(None)).uri


async def server_of(client: AsyncMongoClient[Document]) -> str:
    """Name the server that runs took place on."""
    build = await client.admin.command("buildInfo")
    told = f"MongoDB {build['version']}"
    return told if os.environ.get(URI) or os.environ.get(MONGOD) else f"the embedded server, which speaks as {told}"
