from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from random import Random
from typing import Any

import anyio
import pytest
from prometheus_client import CollectorRegistry

from telemetry.core.clock import Clock
from telemetry.core.consumer import Consumer
from telemetry.store.client import Connection
from telemetry.store.deferred import Deferred
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.feed import follow_events
from telemetry.store.registry import Registry
from telemetry.watcher.consumers import refresher
from telemetry.watcher.dispatch import Dispatcher
from telemetry.watcher.fan_out import FanOuts
from telemetry.watcher.metrics import WatchMetrics
from telemetry.watcher.party import Party
from telemetry.watcher.sweep import Progress, Sweep
from telemetry.watcher.watcher import Lane, Watcher

Watching = Callable[..., AbstractAsyncContextManager[Dispatcher]]


def make_watcher(
    connection: Connection,
    parties: list[Party],
    clock: Clock | None = None,
    beside: Mapping[str, Callable[[], None]] | None = None,
    fan_outs: FanOuts | None = None,
    **settings: float,
) -> tuple[Watcher, Dispatcher]:
    """Put a watcher together on a connection."""
    events, clock = Events(connection), clock or connection.clock
    metrics = WatchMetrics(CollectorRegistry())
    registry = Registry(connection)
    dispatcher = Dispatcher(parties, events, Deferred(connection), registry, clock, Random(1), metrics, fan_outs)
    lane = Lane(events, dispatcher)
    sweep = Sweep(events, Progress(), clock, 60, 100)
    pace: dict[str, Any] = {"sweep_every": 10.0, "full_sweep_every": 600.0} | settings
    feed = partial(follow_events, connection, tuple(beside or ()))
    return Watcher(feed, lane, lane, sweep, clock, metrics, batch=100, beside=beside, **pace), dispatcher


@pytest.fixture
def watching(connection: Connection) -> Watching:
    """A running watcher for some consumers, registered first."""

    @asynccontextmanager
    async def watch(*consumers: Consumer, clock: Clock | None = None, **settings: float) -> AsyncIterator[Dispatcher]:
        parties = [
            Party(consumer, Deliveries(connection, consumer.name), refresher(consumer, connection))
            for consumer in consumers
        ]
        for consumer in consumers:
            await Registry(connection).register(consumer.name)
        fan_outs = FanOuts(connection, WatchMetrics(CollectorRegistry()), lambda: None)
        await fan_outs.resume()
        watcher, dispatcher = make_watcher(connection, parties, clock, None, fan_outs, **settings)
        async with anyio.create_task_group() as group:
            group.start_soon(watcher.run)
            group.start_soon(fan_outs.run)
            yield dispatcher
            group.cancel_scope.cancel()

    return watch
