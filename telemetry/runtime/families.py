"""Consumers whose names are known at run time only: what brings them is found by its entry point."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol

from telemetry.core.carrier import Carrier
from telemetry.core.consumer import Consumer
from telemetry.runtime.config import Config
from telemetry.runtime.settings import Settings

GROUP = "tellonce.families"

# Called with the courier's surroundings.
Opener = Callable[[Any], AbstractAsyncContextManager[Carrier]]


class Family(Protocol):
    """Brings consumers, and what carries to each of them, as the settings and the file say."""

    def consumers(self, settings: Settings, config: Config) -> Sequence[Consumer]:
        """Make its consumers; raise ConfigurationError where the operator must act first."""

    def carriers(self, settings: Settings, config: Config) -> Mapping[str, Opener]:
        """Give what opens the carrier of each of them, by name."""


def found_once(group: str, points: Iterable[EntryPoint] | None = None) -> list[EntryPoint]:
    """List a group's entry points, or the given ones, once each: a package may be found twice while it is upgraded."""
    found = entry_points(group=group) if points is None else points
    return list({point.value: point for point in found}.values())


def families(points: Iterable[EntryPoint] | None = None) -> list[Family]:
    """Load every installed family."""
    return [point.load() for point in found_once(GROUP, points)]


def family_consumers(settings: Settings, config: Config) -> list[Consumer]:
    """Make the consumers of every family."""
    return [consumer for family in families() for consumer in family.consumers(settings, config)]


def family_carriers(settings: Settings, config: Config) -> dict[str, Opener]:
    """Give what opens the carriers of every family's consumers, by name."""
    return {name: opener for family in families() for name, opener in family.carriers(settings, config).items()}


def source_of(made: object) -> str:
    """Say where a consumer or an opener comes from: as it says itself, or by its type."""
    return str(getattr(made, "source", f"{type(made).__module__}:{type(made).__qualname__}"))
