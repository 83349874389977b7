"""Clients of other makers, unmodified, and an ingest that has keys."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Protocol, TypeVar

import anyio.to_thread
import pytest

from telemetry.core.event import Event
from telemetry.ingest.accept import Result
from telemetry.ingest.intake import Intake
from telemetry.ingest.refusal import busy
from telemetry.store.client import Connection
from telemetry.store.documents import event_from
from tests.ingest.conftest import Producer, Serving

T = TypeVar("T")

SECRET = "the-secret-of-the-shop"
OTHER = "the-secret-of-the-till"
KEYS = f"shop:{SECRET},till:{OTHER}"


@dataclass
class Bench:
    """An ingest with two keys, and what it has stored."""

    producer: Producer
    connection: Connection

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.producer.url

    async def post(self, path: str, body: Any, kind: str = "application/json", **headers: str) -> tuple[int, Any]:
        """Post a body as it is (bytes) or as JSON; give the status and the answer."""
        data = BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        sent = {"Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with self.producer.session.post(self.url + path, data=data, headers=sent) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if answer.content_type == "application/json" else text

    async def stored(self) -> list[Event]:
        """Give all that is stored, in its order."""
        return [event_from(row) async for row in self.connection.database["events"].find().sort("order", 1)]

    async def all_rows(self) -> str:
        """Give every row of every collection, as text."""
        database = self.connection.database
        names = await database.list_collection_names()
        return "".join([repr(row) for name in names async for row in database[name].find()])


Benches = Callable[..., Any]


@pytest.fixture
def benches(serving: Serving, connection: Connection) -> Benches:
    """Serve clients, with another configuration where one is named."""

    @asynccontextmanager
    async def serve(config: str = "", **settings: Any) -> AsyncIterator[Bench]:
        async with serving(config, **{"ingest_keys": KEYS} | settings) as producer:
            yield Bench(producer, connection)

    return serve


async def in_thread(work: Callable[[], T]) -> T:
    """Let a client that waits do so beside the loop."""
    return await anyio.to_thread.run_sync(work)


class Client(Protocol):
    """A client that sends in its own time, or when it is asked."""

    def flush(self) -> None:
        """Send what it holds."""


async def sent(client: Client, *calls: Callable[[], object]) -> None:
    """Let a client take some calls and send what they come to."""

    def work() -> None:
        for call in calls:
            call()
        client.flush()

    await in_thread(work)


@dataclass
class Confirmations:
    """What was made of each try of a client whose first one was not confirmed."""

    tries: list[Sequence[Result]] = field(default_factory=list)

    @property
    def statuses(self) -> list[list[str]]:
        """Say what each try came to."""
        return [[result.status for result in results] for results in self.tries]


@pytest.fixture
def unconfirmed(monkeypatch: pytest.MonkeyPatch) -> Confirmations:
    """Write what the first request brings, and tell its client that nobody knows."""
    seen, take = Confirmations(), Intake.take

    async def take_once_in_vain(self: Intake, submitted: Sequence[Any], source: str) -> list[Result]:
        results = await take(self, submitted, source)
        seen.tries.append(results)
        if len(seen.tries) == 1:
            raise busy("the database has not confirmed the write")
        return results

    monkeypatch.setattr(Intake, "take", take_once_in_vain)
    return seen


@dataclass
class Discretion:
    """Whether a secret has stayed one."""

    bench: Bench
    said: pytest.CaptureFixture[str]

    async def holds(self, *secrets: str) -> bool:
        """Say whether no secret is in any row or any line of the log, though there are some of both."""
        rows, log = await self.bench.all_rows(), "".join(self.said.readouterr())
        assert rows
        assert log
        return not any(secret in rows + log for secret in (*secrets, SECRET))
