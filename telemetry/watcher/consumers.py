"""The consumers that are installed, found by their entry points."""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from functools import partial
from importlib.metadata import EntryPoint
from typing import Protocol, runtime_checkable

from telemetry.core.consumer import Consumer, check_name
from telemetry.core.errors import ConfigurationError
from telemetry.runtime.config import Config
from telemetry.runtime.families import family_consumers, found_once, source_of
from telemetry.runtime.settings import Settings
from telemetry.store.client import Connection

GROUP = "tellonce.consumers"


@runtime_checkable
class Refreshing(Protocol):
    """A consumer whose plans rest on what may change while the watcher runs."""

    async def refresh(self, connection: Connection) -> None:
        """Learn what there is now, before events are planned; raise UnavailableError when that cannot be read."""


@runtime_checkable
class Closing(Protocol):
    """A consumer that knows destinations to which nothing can be told for now."""

    async def closed(self, connection: Connection, destinations: Collection[str]) -> Collection[str]:
        """Say which of some they are; raise UnavailableError when that cannot be read."""


def refresher(consumer: Consumer, connection: Connection) -> Callable[[], Awaitable[None]] | None:
    """Give what has a consumer learn what it plans by, where it has to."""
    return partial(consumer.refresh, connection) if isinstance(consumer, Refreshing) else None


def load_consumers(
    config: Config, settings: Settings, points: Iterable[EntryPoint] | None = None
) -> Sequence[Consumer]:
    """Make every installed consumer, and those of families; raise ConfigurationError where two claim one name."""
    made: list[tuple[Consumer, str]] = [(point.load()(config), point.value) for point in found_once(GROUP, points)]
    if points is None:
        made += [(consumer, source_of(consumer)) for consumer in family_consumers(settings, config)]
    for name, claims in Counter(check_name(consumer.name) for consumer, _ in made).items():
        if claims > 1:
            makers = ", ".join(maker for consumer, maker in made if consumer.name == name)
            raise ConfigurationError(f"consumer {name!r} is registered twice, by {makers}: give one another name")
    return [consumer for consumer, _ in made]
