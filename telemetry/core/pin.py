"""What was decided of a fan-out before its first offer: every later offer follows it, whatever is planned by then."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from telemetry.core.delivery import Delivery, State, delivery_id
from telemetry.core.event import Event
from telemetry.core.fan_out import FanOut


@dataclass(frozen=True, slots=True)
class Pin:
    """One event for the audiences of one consumer, as it was first planned."""

    event: str
    consumer: str
    receipt: str  # the event's
    order: int  # the event's
    ready_at: datetime
    fired: int | None  # the event's revision, of one that had several
    plain: Sequence[Delivery]  # planned beside the fan-outs; of two for one destination these win
    fan_outs: Sequence[FanOut]
    versions: Sequence[Mapping[str, int]]  # for each fan-out those of every audience that it reaches

    @property
    def run(self) -> str:
        """The name of the run that it makes."""
        return run_id(self.event, self.consumer)

    @property
    def account(self) -> str:
        """Whose turn it waits for."""
        return self.fan_outs[0].account

    @property
    def taken(self) -> frozenset[str]:
        """Destinations that get what was planned for them alone."""
        return frozenset(delivery.destination for delivery in self.plain)

    def names(self, destination: str, fan_out: int) -> list[str]:
        """List the ids of a member's deliveries."""
        return [delivery_id(self.event, destination, part) for part in range(len(self.fan_outs[fan_out].bodies))]

    def deliveries(self, destination: str, fan_out: int, turn: int) -> Iterator[Delivery]:
        """Make a member's deliveries, the first of them with a turn and the others with those that follow."""
        meant = self.fan_outs[fan_out]
        for part, body in enumerate(meant.bodies):
            fields = {"state": State.HELD, **meant.fields}
            yield Delivery(
                id=delivery_id(self.event, destination, part),
                event=self.event,
                receipt=self.receipt,
                destination=destination,
                body=body,
                order=self.order + part,
                ready_at=self.ready_at,
                run=self.run,
                turn=turn + part,
                **fields,
            )


def run_id(event: str, consumer: str) -> str:
    """Name the run of an event for a consumer."""
    return f"{event}|{consumer}"


def pin_of(
    event: Event, consumer: str, plan: Sequence[Delivery | FanOut], versions: Sequence[Mapping[str, int]]
) -> Pin:
    """Write down what a plan with fan-outs comes to now."""
    return Pin(
        event=event.key,
        consumer=consumer,
        receipt=event.receipt,
        order=event.order,
        ready_at=event.due_at or event.received_at,
        fired=event.fired,
        plain=[item for item in plan if isinstance(item, Delivery)],
        fan_outs=[item for item in plan if isinstance(item, FanOut)],
        versions=versions,
    )
