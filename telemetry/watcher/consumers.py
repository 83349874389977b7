"""The consumers that are installed, found by their entry points."""

from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points

from telemetry.core.consumer import Consumer, check_name
from telemetry.core.errors import ConfigurationError
from telemetry.runtime.config import Config

GROUP = "tellonce.consumers"


def load_consumers(config: Config, points: Iterable[EntryPoint] | None = None) -> Sequence[Consumer]:
    """Make every installed consumer; raise ConfigurationError where two claim one name."""
    found = list(entry_points(group=GROUP) if points is None else points)
    consumers: list[Consumer] = [point.load()(config) for point in found]
    for name, claims in Counter(check_name(consumer.name) for consumer in consumers).items():
        if claims > 1:
            makers = ", ".join(point.value for point in found if point.name == name) or "several entry points"
            raise ConfigurationError(f"consumer {name!r} is registered twice, by {makers}: uninstall one")
    return consumers
