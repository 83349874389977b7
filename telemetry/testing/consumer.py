"""What every consumer promises. Inherit it, and give your consumer.

class TestJournal(ConsumerContract):
    def consumer(self):
        return Journal(...)
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict
from typing import Any

from telemetry.core.consumer import Consumer, check_name
from telemetry.core.delivery import Delivery, State, delivery_id
from telemetry.core.event import Event
from telemetry.core.fan_out import FanOut
from telemetry.store.documents import delivery_from, delivery_row
from telemetry.testing.facts import an_event, odd_events

# A row holds the body and little else; the database takes 16 MiB.
LARGEST_BODY = 4 * 1024**2


class ConsumerContract:
    """The promises of `plan`, each a test."""

    def consumer(self) -> Consumer:
        """Make the consumer under test."""
        raise NotImplementedError("give the consumer under test")

    def events(self) -> Sequence[Event]:
        """Make some events that it wants; of each at least one delivery is expected."""
        return [an_event()]

    def test_its_name_can_be_stored(self) -> None:
        """The database knows it by its name."""
        check_name(self.consumer().name)

    def test_it_wants_what_it_is_for(self) -> None:
        """Of the events that are its own, each comes to something."""
        for event in self.events():
            assert self.consumer().plan(event), f"no delivery is planned for {event.key}"

    def test_the_same_event_gives_the_same_plan(self) -> None:
        """A watcher that ended between offer and ack is followed by one that plans the event again."""
        one, other = self.consumer(), self.consumer()
        for event in self._all():
            first = _plain(one.plan(event))
            one.plan(an_event("sign_up", "somebody else"))
            assert first == _plain(one.plan(event)), f"{event.key} is planned otherwise the second time"
            assert first == _plain(other.plan(event)), f"{event.key} is planned otherwise by another process"

    def test_an_event_is_not_changed(self) -> None:
        """Other consumers get the same event."""
        for event in self._all():
            before = deepcopy(asdict(event))
            self.consumer().plan(event)
            assert before == asdict(event), f"planning changed {event.key}"

    def test_a_destination_is_told_once(self) -> None:
        """At most one delivery a destination and part: two of one would be one row."""
        for event, plan in self._plans():
            names = [delivery.id for delivery in plan]
            assert len(names) == len(set(names)), f"{event.key} goes to one destination twice: {names}"

    def test_deliveries_are_named_after_their_event_and_destination(self) -> None:
        """By the id a repeated offer is known for one; several for one destination are its parts, from 0."""
        for event, plan in self._plans():
            for part, delivery in _numbered(plan):
                wanted = delivery_id(event.key, delivery.destination, part)
                assert wanted == delivery.id, f"expected the id {wanted!r}, not {delivery.id!r}"
                assert "|" not in delivery.destination, f"a destination holds no '|': {delivery.destination!r}"
                assert ":" in delivery.destination, f"expected kind:name, not {delivery.destination!r}"

    def test_deliveries_carry_what_the_event_gives_them(self) -> None:
        """Order, receipt and due time are the event's; each part comes behind the one before it."""
        for event, plan in self._plans():
            for part, delivery in _numbered(plan):
                given = {"event": event.key, "receipt": event.receipt, "order": event.order + part}
                for name, wanted in given.items():
                    assert wanted == getattr(delivery, name), f"{delivery.id}: {name} is not the event's"
                assert delivery.ready_at is not None, f"{delivery.id}: ready_at is missing; it is event.due_at"
                assert delivery.state in (State.PENDING, State.DEAD), f"{delivery.id}: a delivery begins pending"

    def test_bodies_survive_being_stored(self) -> None:
        """A body is JSON: what the courier reads is what was planned."""
        for fan_out in self._fan_outs():
            wrong = _not_json(list(fan_out.bodies))
            assert not wrong, f"a body for members of {', '.join(fan_out.audiences)} holds {wrong}, which is not JSON"
        for _, plan in self._plans():
            for delivery in plan:
                wrong = _not_json(delivery.body)
                assert not wrong, f"{delivery.id}: the body holds {wrong}, which is not JSON"
                back = delivery_from(delivery_row(delivery)).body
                assert _plain_json(delivery.body) == _plain_json(back), f"{delivery.id}: the body came back changed"
                assert len(repr(back)) <= LARGEST_BODY, f"{delivery.id}: the body is too large to be stored"

    def test_odd_events_are_planned_too(self) -> None:
        """What raises stays owed, for ever."""
        for event in odd_events():
            try:
                self.consumer().plan(event)
            except Exception as error:
                raise AssertionError(f"planning {dict(event.properties)!r:.100} raised {error!r}") from error

    def _all(self) -> Sequence[Event]:
        return [*self.events(), *odd_events()]

    def _plans(self) -> Sequence[tuple[Event, Sequence[Delivery]]]:
        plans = [(event, self.consumer().plan(event)) for event in self._all()]
        return [(event, [item for item in plan if isinstance(item, Delivery)]) for event, plan in plans]

    def _fan_outs(self) -> Sequence[FanOut]:
        plans = [self.consumer().plan(event) for event in self._all()]
        return [item for plan in plans for item in plan if isinstance(item, FanOut)]


def _numbered(plan: Sequence[Delivery]) -> Iterator[tuple[int, Delivery]]:
    parts = Counter[str]()
    for delivery in plan:
        yield parts[delivery.destination], delivery
        parts[delivery.destination] += 1


def _plain(plan: Sequence[Delivery | FanOut]) -> list[dict[str, Any]]:
    return [asdict(item) for item in plan]


def _not_json(value: Any) -> str:
    if isinstance(value, dict):
        names = [name for name in value if not isinstance(name, str)]
        return f"the name {names[0]!r}" if names else next(filter(None, map(_not_json, value.values())), "")
    if isinstance(value, (list, tuple)):
        return next(filter(None, map(_not_json, value)), "")
    return "" if value is None or isinstance(value, (str, int, float, bool)) else repr(value)


def _plain_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain_json(item) for name, item in value.items()}
    return [_plain_json(item) for item in value] if isinstance(value, (list, tuple)) else value
