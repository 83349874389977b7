"""Who is owed events, and writing one off."""

from dataclasses import dataclass

from telemetry.store.client import Connection
from telemetry.store.events import Events
from telemetry.store.registry import Registry


@dataclass(frozen=True, slots=True)
class WrittenOff:
    """What writing a consumer off came to."""

    owed: int  # events that it was still owed
    settled: int  # events that were owed to nobody else


async def owed_to(connection: Connection, name: str) -> int | None:
    """Count what a consumer is owed; None when it is not registered."""
    if name not in await Registry(connection).read():
        return None
    return await Events(connection).count_owed(name)


async def write_off(connection: Connection, name: str) -> WrittenOff:
    """Owe a consumer nothing any more; what it has in its queue stays. Repeating it finishes what was begun."""
    registry, events = Registry(connection), Events(connection)
    owed = await events.count_owed(name)
    await registry.remove(name)
    return WrittenOff(owed, await events.settle_complete(list(await registry.read())))
