"""The indexes: what is declared beside what is there."""

from collections.abc import Sequence

from telemetry.store.client import Connection
from telemetry.store.deliveries import queues
from telemetry.store.indexes import Index, Reconciled, declared, inspect, reconcile
from telemetry.store.registry import Registry


async def wanted(connection: Connection, installed: Sequence[str]) -> list[Index]:
    """List the indexes that installed, registered and former consumers need."""
    stored = [queue.consumer for queue in await queues(connection)]
    return declared(sorted({*installed, *stored, *await Registry(connection).read()}))


async def compare(connection: Connection, installed: Sequence[str]) -> list[tuple[Index, str]]:
    """Say of each index whether it is `right`, `missing` or `different`."""
    return await inspect(connection, await wanted(connection, installed))


async def apply(connection: Connection, installed: Sequence[str]) -> list[Reconciled]:
    """Make the indexes what is declared; raise ConfigurationError naming what is in the way."""
    return await reconcile(connection, await wanted(connection, installed))
