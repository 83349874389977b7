"""A real server for all tests of a process, and a database of its own for each test."""

import logging
import os
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from telemetry.cli.embedded import start_embedded_server
from telemetry.core.step import Step
from telemetry.runtime.tracing import tracing
from telemetry.store.client import Connection, connect
from telemetry.store.indexes import declared, reconcile

# How long anything takes on a busy machine decides no test.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session")
def mongodb_uri() -> Iterator[str]:
    """The server that tests run on: a replica set where the environment names one, else the embedded one."""
    if uri := os.environ.get("TELLONCE_TEST_MONGODB_URI"):
        yield uri
        return
    with start_embedded_server(None) as server:
        yield server.uri


@pytest.fixture
def database() -> str:
    """A database name that no other test uses."""
    return f"test_{secrets.token_hex(6)}"


@pytest.fixture
async def connection(mongodb_uri: str, database: str) -> AsyncIterator[Connection]:
    """A connection to a database of the test's own, with its indexes, dropped afterwards."""
    async with connect(mongodb_uri, database) as made:
        await reconcile(made, declared(["discord", "recorder"]))
        yield made
        await made.client.drop_database(database)


@pytest.fixture
def own_log() -> Iterator[None]:
    """A log that is as it was afterwards: a daemon's verb sets it up for the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def steps() -> Iterator[list[Step]]:
    """The steps that are traced from now on."""
    told: list[Step] = []
    tracing.into(told.append)
    yield told
    tracing.into(None)
