"""What must hold of an event and its deliveries, and the sums that follow from it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from telemetry.core.delivery import State
from telemetry.ops.merge import Case
from telemetry.store.census import Fact
from telemetry.store.registry import Registered

# Times of two processes are compared: each knows database time to within its last question's round trip.
CLOCK_ERROR = timedelta(seconds=1)


class Kind(StrEnum):
    """A way in which the law can be broken."""

    COUNT = "the rows of a queue are not as many as its ack says"
    NO_EVENT = "a row has no event"
    UNACKED = "an event is settled without a registered consumer's ack"
    NO_RESULT = "a delivered row has no result"
    RECEIPT = "a row is of another receipt or event"
    CANCELLED = "an event was told although it is cancelled"


@dataclass(frozen=True, slots=True)
class Suspect:
    """A broken promise about one key, as far as one reading goes."""

    kind: Kind
    key: str
    consumer: str
    detail: str


def suspects(case: Case, registered: Mapping[str, Registered]) -> Iterator[Suspect]:
    """Say what about an event and its rows should not be."""
    fact = case.fact
    if fact is None:
        for name in case.rows:
            yield Suspect(Kind.NO_EVENT, case.key, name, f"{case.held(name)} rows, and no event")
        return
    if fact.forgotten:
        return
    if fact.erased:
        for name in case.rows:
            yield Suspect(Kind.COUNT, case.key, name, f"erased, {case.held(name)} rows")
        return
    yield from _misfits(case, fact)
    yield from _untold(case, fact, registered)


def _misfits(case: Case, fact: Fact) -> Iterator[Suspect]:
    for name, deliveries in fact.acks.items():
        if case.held(name) != deliveries:
            yield Suspect(Kind.COUNT, case.key, name, f"acked as {deliveries}, {case.held(name)} rows")
    for name in case.strangers:
        yield Suspect(Kind.RECEIPT, case.key, name, f"the event's receipt is {fact.receipt}")
    for name in case.resultless:
        yield Suspect(Kind.NO_RESULT, case.key, name, "delivered, it does not say as what")


def _untold(case: Case, fact: Fact, registered: Mapping[str, Registered]) -> Iterator[Suspect]:
    if fact.cancelled:
        for name in {*fact.acks, *case.rows}:
            yield Suspect(Kind.CANCELLED, case.key, name, f"cancelled, with {case.held(name)} rows")
        return
    for name, consumer in registered.items():
        owed_since = fact.received_at > consumer.since + CLOCK_ERROR
        if not fact.owed and name not in fact.acks and owed_since:
            yield Suspect(Kind.UNACKED, case.key, name, f"settled; registered since {consumer.since:%Y-%m-%d %H:%M}")


@dataclass
class Sums:
    """One consumer's share of one event type; the law is about these."""

    owed: int = 0
    acked: int = 0
    cancelled: int = 0
    not_owed: int = 0  # settled before it was registered, or after it was written off
    deliveries: int = 0  # as its acks say
    offered: int = 0  # rows of events that it has yet to ack
    states: Counter[State] = field(default_factory=Counter)  # rows of events that it has acked
    in_flight: int = 0  # of those that are pending
    erased: int = 0  # deliveries of persons who were forgotten

    @property
    def rows(self) -> int:
        """Rows of acked events, and those that were erased: as many as the acks say, or the law is broken."""
        return self.states.total() + self.erased


@dataclass
class Totals:
    """The sums of everything, by event type and consumer."""

    accepted: Counter[str] = field(default_factory=Counter)
    shares: dict[tuple[str, str], Sums] = field(default_factory=lambda: defaultdict(Sums))

    def add(self, case: Case, registered: Mapping[str, Registered]) -> None:
        """Count an event and its rows in."""
        fact = case.fact
        if fact is None or fact.forgotten:
            return
        self.accepted[fact.type] += 1
        for name in {*registered, *fact.acks, *case.rows}:
            share = self.shares[fact.type, name]
            if name in fact.acks:
                share.acked += 1
                share.deliveries += fact.acks[name]
                share.erased += fact.acks[name] if fact.erased else 0
                share.states += case.rows.get(name, Counter())
                share.in_flight += case.moving[name]
                continue
            share.offered += case.held(name)
            if fact.cancelled:
                share.cancelled += 1
            elif fact.owed and name in registered:
                share.owed += 1
            else:
                share.not_owed += 1
