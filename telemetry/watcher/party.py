"""A consumer as a watcher serves it: its queue, how it has been doing, and who may offer it something."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from telemetry.core.backoff import Backoff
from telemetry.core.consumer import Consumer
from telemetry.core.delivery import Delivery

FAILING = Backoff(first=1.0, cap=60.0)


class Queue(Protocol):
    """Where a consumer's deliveries wait for their courier."""

    async def offer(self, deliveries: Sequence[Delivery]) -> Sequence[str]:
        """Put deliveries in the queue, durably; answer with the ids that were there already."""


class Standing(Enum):
    """Who may offer a consumer something: nothing may overtake what came before it."""

    ABREAST = auto()  # hints and sweeps
    CATCHING_UP = auto()  # the sweep that began since it could not be served, and no hint
    BEHIND = auto()  # nobody, until a sweep begins: it lacks what the one going on has passed


@dataclass
class Party:
    """A consumer served by this process, its queue, and how it has been doing."""

    consumer: Consumer
    queue: Queue
    refresh: Callable[[], Awaitable[None]] | None = None  # where what it plans by changes at run time
    failures: int = 0
    rests_until: float = 0.0  # monotonic
    standing: Standing = Standing.ABREAST

    @property
    def name(self) -> str:
        """The consumer's name."""
        return self.consumer.name

    def takes(self, *, hinted: bool) -> bool:
        """Say whether it may be offered what a hint told of, or else what a sweep found."""
        return self.standing is Standing.ABREAST or (self.standing is Standing.CATCHING_UP and not hinted)
