"""A party that must hear of events."""

from collections.abc import Collection, Sequence
from typing import Protocol, runtime_checkable

from telemetry.core.delivery import Delivery
from telemetry.core.errors import ConfigurationError
from telemetry.core.event import Event
from telemetry.core.fan_out import FanOut


class Consumer(Protocol):
    """Plans what an event means for one party; it never does the telling."""

    @property
    def name(self) -> str:
        """The name under which the database knows it: no dot, no dollar sign."""

    def plan(self, event: Event) -> Sequence[Delivery | FanOut]:
        """List the deliveries of an event, at most one a destination and part; the same event gives the same list."""


@runtime_checkable
class Subscribed(Protocol):
    """A consumer that knows by its configuration which types each destination is told, also those without a policy."""

    def types_at(self, destination: str) -> Collection[str]:
        """List the types that are told at a destination, as its configuration spells them."""


def check_name(name: str) -> str:
    """Return a consumer's name; raise ConfigurationError where the database could not hold it as a field."""
    if not name or "." in name or "$" in name or "\0" in name:
        raise ConfigurationError(f"consumer {name!r}: a name must not be empty nor hold '.', '$' or NUL")
    return name
