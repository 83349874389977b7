"""A deployment with one consumer."""

import pytest

from telemetry.store.client import Connection
from tests.ops.deployment import CONSUMER, Deployment


@pytest.fixture
async def deployment(connection: Connection) -> Deployment:
    """A deployment in which `discord` is owed everything."""
    made = Deployment(connection)
    await made.registry.register(CONSUMER)
    return made
