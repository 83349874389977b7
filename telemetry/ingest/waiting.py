"""A request in the queue, until it is answered or gives up."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio

from telemetry.core.event import Event
from telemetry.ingest.accept import Result
from telemetry.ingest.policies import InForce
from telemetry.ingest.refusal import Refusal


@dataclass(eq=False)
class Waiting:
    """A request whose events wait for a write."""

    events: Sequence[Event]
    keyed: InForce
    answered: anyio.Event = field(default_factory=anyio.Event)
    results: Sequence[Result] = ()
    refusal: Refusal | None = None
    gone: bool = False

    def answer(self, results: Sequence[Result]) -> None:
        """Say what became of the events."""
        self.results = results
        self.answered.set()

    def refuse(self, refusal: Refusal) -> None:
        """Say nothing about any of them."""
        self.refusal = refusal
        self.answered.set()
