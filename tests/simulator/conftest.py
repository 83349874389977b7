"""A simulator, the raw poster, and the unmodified discord.py, all on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
import pytest
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.simulator import Simulator, SimulatorSettings

COMMUNITY, RELEASES = 112233445566778899, 112233445566778900
CHANNELS = {COMMUNITY: "community", RELEASES: "releases"}
TOKEN = "a-token"


class Hand:
    """A clock that moves by hand."""

    def __init__(self) -> None:
        self.time = 1_790_000_000.0

    def __call__(self) -> float:
        return self.time


class Poster:
    """Speaks HTTP to the simulator, as the bot does."""

    def __init__(self, session: aiohttp.ClientSession, simulator: Simulator) -> None:
        self.session = session
        self.url = simulator.url
        self._api = simulator.api_base

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any, Any]:
        """Return status, body and headers."""
        async with self.session.request(method, self._api + path, **options) as answer:
            json = answer.content_type == "application/json"
            return answer.status, await (answer.json() if json else answer.text()), answer.headers

    async def post(self, content: str = "hello", *, channel: int = COMMUNITY, **fields: Any) -> tuple[int, Any, Any]:
        """Create a message."""
        return await self.call("POST", f"/channels/{channel}/messages", json={"content": content, **fields})

    async def sim(self, method: str, path: str, json: Any = None) -> Any:
        """Pull a lever."""
        async with self.session.request(method, f"{self.url}/_sim{path}", json=json) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json() if answer.content_type == "application/json" else None


@asynccontextmanager
async def posting_to(simulator: Simulator) -> AsyncIterator[Poster]:
    """Open a poster with a valid token."""
    headers = {"Authorization": f"Bot {TOKEN}", "User-Agent": "DiscordBot (tests, 1)"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield Poster(session, simulator)


async def until(fact: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(5):
        while not fact():  # noqa: ASYNC110 - the facts of a server are not events
            await asyncio.sleep(0.002)


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def settings() -> SimulatorSettings:
    return SimulatorSettings(token=TOKEN, channels=CHANNELS, limits=False)


@pytest.fixture
async def simulator(settings: SimulatorSettings, clock: Hand) -> AsyncIterator[Simulator]:
    async with Simulator(settings, clock) as running:
        yield running


@pytest.fixture
async def poster(simulator: Simulator) -> AsyncIterator[Poster]:
    async with posting_to(simulator) as ready:
        yield ready


@pytest.fixture
async def client(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[discord.Client]:
    monkeypatch.setattr(Route, "BASE", simulator.api_base)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(simulator.gateway_url))
    intents = discord.Intents(guilds=True, guild_messages=True)
    async with discord.Client(intents=intents, guild_ready_timeout=0.01) as running:
        yield running
