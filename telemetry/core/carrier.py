"""What takes a consumer's deliveries to the outside, as its courier sees it."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from telemetry.core.backoff import Schedule
from telemetry.core.delivery import Delivery
from telemetry.core.outcome import Outcome

# First at once, then eight tries over some 27 hours, as the services that sell webhooks do.
USUAL_SCHEDULE = Schedule((5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0))


@dataclass(frozen=True, slots=True)
class Terms:
    """How a destination wants to be served, by one courier at a time."""

    concurrency: int = 4  # deliveries on their way at once
    ordered: bool = False  # one after the other within a delivery's group
    rate: float | None = None  # deliveries a second
    schedule: Schedule = USUAL_SCHEDULE
    timeout: float | None = None  # seconds for one try, though longer than a lease; none: TELLONCE_CARRY_TIMEOUT


@dataclass(frozen=True, slots=True)
class Closed:
    """A destination that takes nothing until somebody opens it again: what waits for it is parked."""

    reason: str


class Unit(Protocol):
    """What a carrier writes to the deployment's database and what becomes of its delivery: both stand, or neither."""

    @property
    def session(self) -> Any:
        """Give the driver's session to write with; the transaction begins when it is first asked for."""


async def _no_unit() -> Unit:
    raise RuntimeError("this errand has no database to write to")


@dataclass(frozen=True, slots=True)
class Errand:
    """One try of one delivery."""

    delivery: Delivery
    fresh: Callable[[], bool]  # asked right before the first byte leaves; if not, raise StaleError
    unit: Callable[[], Awaitable[Unit]] = _no_unit  # for a carrier whose outcome is Completed

    @property
    def id(self) -> str:
        """The same for every try, whatever the key holds: by it the other side knows a repeat."""
        spelt = f"{self.delivery.id}|{self.delivery.generation}"
        return f"msg_{sha256(spelt.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


class Carrier(ABC):
    """Carries deliveries to the outside.

    A courier that was killed is followed by one that carries the same delivery again: whatever `carry` does
    must come to one effect an `errand.id`.
    """

    # Collections whose changes may close a destination or open it again.
    beside: Sequence[str] = ()

    async def terms(self, destination: str) -> Terms | Closed:  # noqa: ARG002 - for those who override it
        """Say how a destination wants to be served; asked before every few deliveries."""
        return Terms()

    def changed(self) -> None:  # noqa: B027 - most carriers know of no change
        """Take note that something beside the queue has changed."""

    @abstractmethod
    async def carry(self, errand: Errand) -> Outcome:
        """Try once, and say what it came to; what is raised counts as a failed try."""
