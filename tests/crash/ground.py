"""The server that runs share, by whichever means the environment offers one."""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from pymongo import AsyncMongoClient

from telemetry.cli.embedded import start_embedded_server
from tests.crash.offspring import open_nursery
from tests.crash.stage import Document, Ground

URI = "TELLONCE_TEST_MONGODB_URI"


@asynccontextmanager
async def open_ground(uri: str | None = None) -> AsyncIterator[Ground]:
    """Open the ground of a matrix, on a given server, on the one that the environment names, or on our own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tellonce-crash-")))
        given = uri or os.environ.get(URI)
        own = given or stack.enter_context(start_embedded_server(None)).uri
        async with open_nursery() as nursery, AsyncMongoClient[Document](own) as client:
            yield Ground(own, client, nursery, folder)


async def server_of(ground: Ground) -> str:
    """Name the server that runs took place on."""
    build = await ground.client.admin.command("buildInfo")
    if os.environ.get(URI):
        return f"MongoDB {build['version']}"
    return f"the embedded server (speaks as MongoDB {build['version']})"
