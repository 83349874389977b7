"""Events, deliveries and consumers as tests name them: only what matters is said."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from telemetry import testing
from telemetry.core.consumer import Consumer
from telemetry.core.delivery import Delivery
from telemetry.core.event import Event
from telemetry.testing.facts import ONCE

LONG_AGO = ONCE


def an_event(
    key: str = "sign_up:u1", *, due_at: datetime | None = LONG_AGO, receipt: str = "r1", **properties: Any
) -> Event:
    """Make an event that is due."""
    kind, _, subject = key.partition(":")
    made = testing.an_event(kind, subject, key, **properties)
    return replace(made, received_at=due_at or LONG_AGO, due_at=due_at, receipt=receipt)


def a_delivery(event: Event, destination: str = "discord:1", **fields: Any) -> Delivery:
    """Make a delivery of an event."""
    return Delivery.of(event, destination, {"key": event.key, "embed": {"title": event.key}}, **fields)


def planned(consumer: Consumer, event: Event) -> list[Delivery]:
    """Plan an event that no audience is told."""
    plan = consumer.plan(event)
    deliveries = [item for item in plan if isinstance(item, Delivery)]
    assert deliveries == plan
    return deliveries


@dataclass
class Recorder:
    """A consumer that wants every event once, at one destination."""

    name: str = "recorder"
    planned: list[str] = field(default_factory=list)
    broken_on: frozenset[str] = frozenset()

    def plan(self, event: Event) -> Sequence[Delivery]:
        """Plan one delivery, or fail where told to."""
        if event.key in self.broken_on:
            raise RuntimeError("this consumer has a bug")
        self.planned.append(event.key)
        return [a_delivery(event, f"{self.name}:1")]
