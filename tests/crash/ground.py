"""What all runs share: a server, a client of it, and a nursery."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from motor.motor_asyncio import AsyncIOMotorClient

from tests.crash.crossings import Passage
from tests.crash.offspring import Nursery, open_nursery
from tests.crash.proxy import MongoProxy
from tests.crash.servers import open_server

Document = dict[str, Any]


class Ground:
    """Where stages are put up."""

    def __init__(self, uri: str, client: AsyncIOMotorClient[Document], nursery: Nursery, folder: Path) -> None:
        self.uri = uri
        self.client = client
        self.nursery = nursery
        self.folder = folder
        self.numbers = count(1)
        self._proxies: dict[Passage, list[MongoProxy]] = {}

    @asynccontextmanager
    async def behind(self, passage: Passage) -> AsyncIterator[str]:
        """Open a way to the server, a proxy for each member of it, and say its address."""
        told = await self.client.admin.command("hello")
        members = told.get("hosts") or [urlsplit(self.uri).netloc.rpartition("@")[2]]
        names: dict[str, str] = {}
        async with AsyncExitStack() as stack:
            for member in members:
                host, _, port = member.rpartition(":")
                proxy = await stack.enter_async_context(MongoProxy(host, int(port), passage, names))
                names[member] = f"127.0.0.1:{proxy.port}"
                self._proxies.setdefault(passage, []).append(proxy)
            parts = urlsplit(self.uri)
            login = parts.netloc.rpartition("@")[0]
            netloc = (f"{login}@" if login else "") + ",".join(names.values())
            yield urlunsplit(parts._replace(netloc=netloc))
            self._proxies.pop(passage, None)

    async def end_transactions(self, passage: Passage) -> None:
        """End what whoever speaks past somebody has left open; by itself a database does so a minute later."""
        for proxy in self._proxies.get(passage, ()):
            if proxy.transacting:
                await self.client.admin.command("killSessions", proxy.transacting)
                proxy.transacting.clear()


@asynccontextmanager
async def open_ground(uri: str | None = None) -> AsyncIterator[Ground]:
    """Open a ground on a given server, or on what the environment has to offer."""
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="tellonce-proof-")))
        own = uri or held.enter_context(open_server(folder / "database", durable=False)).uri
        # Its threads finish what they have begun: a question that is given up leaves no half-made connection behind.
        client = AsyncIOMotorClient[Document](own)
        held.callback(client.close)
        async with open_nursery() as nursery:
            yield Ground(own, client, nursery, folder)
