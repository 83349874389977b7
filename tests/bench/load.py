"""Events to be measured with, and clients that send them."""

import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import count
from typing import Any, TypeVar

import aiohttp
import anyio

from telemetry.store.commands import Row, chunks
from telemetry.store.documents import event_row
from tests.bench.bed import TYPES
from tests.facts import an_event

T = TypeVar("T")
TEXT = "A line of about the length that people write."
JSON = {"content-type": "application/json"}
_NUMBER = count(1)


def submissions(number: int, types: Sequence[str] = TYPES) -> list[dict[str, Any]]:
    """Make events as producers send them, spread over some types, no two alike in this process."""
    fresh = [next(_NUMBER) for _ in range(number)]
    return [
        {"event": types[n % len(types)], "distinct_id": f"user-{n}", "properties": {"text": TEXT, "n": n}}
        for n in fresh
    ]


def key_of(submission: dict[str, Any]) -> str:
    """Say under which key an event is stored."""
    return f"{submission['event']}:{submission['distinct_id']}"


def rows(number: int) -> list[Row]:
    """Make the documents that ingest would store for as many events."""
    return [event_row(an_event(key_of(one), **one["properties"])) for one in submissions(number)]


async def seconds_for(work: Sequence[T], clients: int, do: Callable[[T], Awaitable[None]]) -> float:
    """Time how long some clients need to do all the work, each one piece after the other."""
    waiting = iter(work)
    began = time.perf_counter()
    async with anyio.create_task_group() as group:
        for _ in range(clients):
            group.start_soon(_client, waiting, do)
    return time.perf_counter() - began


async def _client(waiting: Iterator[T], do: Callable[[T], Awaitable[None]]) -> None:
    for piece in waiting:
        await do(piece)


class Producer:
    """A client of one ingest."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = f"{url}/ingest"

    async def send(self, body: bytes) -> None:
        """Send a body; anything but success is an error."""
        async with self._session.post(self._url, data=body, headers=JSON) as answer:
            text = await answer.text()
            assert answer.status < 300, text


async def send_all(url: str, number: int, clients: int = 1, batch: int = 100, types: Sequence[str] = TYPES) -> float:
    """Send so many fresh events; answer with the seconds it took."""
    bodies = bodies_of(submissions(number, types), batch)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=clients)) as session:
        return await seconds_for(bodies, clients, Producer(session, url).send)


def bodies_of(events: list[dict[str, Any]], batch: int) -> list[bytes]:
    """Spell requests of so many events each; one alone is sent as an object."""
    if batch == 1:
        return [json.dumps(event).encode() for event in events]
    return [json.dumps(some).encode() for some in chunks(events, batch)]
