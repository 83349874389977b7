from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.simulator.settings import SimulatorSettings
from bot.simulator.simulator import Simulator
from telemetry.store.client import Connection
from tests.e2e.world import World

OpenWorld = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture
def open_world(connection: Connection, mongodb_uri: str, database: str, tmp_path: Path) -> OpenWorld:
    """Open a world whose Discord is set up as told."""

    @asynccontextmanager
    async def opened(**discord: Any) -> AsyncIterator[World]:
        async with Simulator(SimulatorSettings(**{"limits": False} | discord)) as simulator:
            made = World(connection, mongodb_uri, database, simulator, tmp_path)
            try:
                yield made
            finally:
                made.end()

    return opened


@pytest.fixture
async def world(open_world: OpenWorld) -> AsyncIterator[World]:
    """A world with one channel and no limits."""
    async with open_world() as made:
        yield made
