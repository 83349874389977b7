"""Another party's consumer, which fails for some facts for as long as its environment says so."""

import os
from collections.abc import Sequence

from telemetry.core.delivery import Delivery
from telemetry.core.event import Event

DESTINATION = "neighbour:1"


class Neighbour:
    """Wants every fact once; cannot plan those of odd members while NEIGHBOUR says "failing"."""

    name = "neighbour"

    def plan(self, event: Event) -> Sequence[Delivery]:
        """Plan one delivery, or fail."""
        if os.environ.get("NEIGHBOUR") == "failing" and int(event.distinct_id.lstrip("u"), 10) % 2:
            raise RuntimeError("the neighbour is not well")
        return [Delivery.of(event, DESTINATION, {"key": event.key})]


def connect(_config: object) -> Neighbour:
    """Make the consumer."""
    return Neighbour()
