import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import aiohttp
import anyio
import pytest
from prometheus_client import CollectorRegistry

from telemetry.ingest.app import Door, make_app
from telemetry.ingest.metrics import IngestMetrics
from telemetry.ingest.service import IngestService, Storing
from telemetry.runtime.config import parse_config
from telemetry.runtime.health import Readiness
from telemetry.runtime.settings import Settings
from telemetry.runtime.web import WebService
from tests.until import until


@dataclass
class Producer:
    """Somebody who sends to one ingest."""

    url: str
    session: aiohttp.ClientSession

    async def send(self, body: Any, kind: str = "application/json", **headers: str) -> tuple[int, dict[str, Any]]:
        """Send a body as it is (bytes) or as JSON; give the status and the answer."""
        data = BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        sent = {"Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with self.session.post(f"{self.url}/ingest", data=data, headers=sent) as answer:
            return answer.status, await answer.json()

    async def send_gzipped(self, body: Any) -> tuple[int, dict[str, Any]]:
        """Send a body compressed."""
        return await self.send(gzip.compress(json.dumps(body).encode()), Content_Encoding="gzip")

    async def get(self, path: str) -> tuple[int, str]:
        """Ask for something else."""
        async with self.session.get(self.url + path) as answer:
            return answer.status, await answer.text()


Serving = Callable[..., AbstractAsyncContextManager[Producer]]


@pytest.fixture
def serving(mongodb_uri: str, database: str) -> Serving:
    """Run an ingest in this process, on a real socket and the real database."""

    @asynccontextmanager
    async def serve(config: str = "", ready: bool = True, **settings: Any) -> AsyncIterator[Producer]:
        env: Mapping[str, Any] = {"mongodb_uri": mongodb_uri, "database": database, "ingest_port": 0} | settings
        chosen, parsed = Settings.model_validate(env), parse_config(config)
        registry, readiness = CollectorRegistry(), Readiness("database")
        door = Door(parsed.ingest, IngestMetrics(registry))
        web = WebService(make_app(door, readiness, registry), chosen.ingest_host, chosen.ingest_port, "ingest")
        async with aiohttp.ClientSession() as session, anyio.create_task_group() as group:
            group.start_soon(IngestService(web, Storing(chosen, parsed, door, readiness)).run)
            producer = Producer(web.url, session)
            if ready:

                async def is_ready() -> bool:
                    return (await producer.get("/readyz"))[0] == 200

                await until(is_ready, every=0.01)
            yield producer
            group.cancel_scope.cancel()

    return serve


@pytest.fixture
async def producer(serving: Serving, connection: object) -> AsyncIterator[Producer]:
    """A producer and the ingest it sends to."""
    opened: asyncio.Future[Producer] = asyncio.get_running_loop().create_future()
    done = asyncio.Event()

    async def hold() -> None:
        # A fixture's end runs in another task than its beginning, which a task group does not forgive.
        async with serving() as made:
            opened.set_result(made)
            await done.wait()

    task = asyncio.create_task(hold())
    yield await opened
    done.set()
    await task
