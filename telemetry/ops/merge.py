"""Joining events with their deliveries in one pass over both, in the order of their ids.

A row of event `k` has an id in [k + "|", k + "}"), so each event owns an interval of the order. Two such
intervals are nested (one key begins with the other) or apart: the events whose rows may yet come form a
stack, no deeper than a key is long, and that is all the memory a pass takes.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from telemetry.core.delivery import State
from telemetry.store.census import Fact, Holding

BAR, PAST_BAR = "|", "}"


@dataclass
class Case:
    """An event with what its rows come to, by consumer; `fact` is None where rows have no event."""

    key: str
    fact: Fact | None
    rows: dict[str, Counter[State]] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)  # consumers with a row of another receipt or name
    resultless: set[str] = field(default_factory=set)  # consumers with a delivered row that says not how
    moving: Counter[str] = field(default_factory=Counter)  # pending, but on its way now

    def add(self, row: Holding, moving: frozenset[str] = frozenset()) -> None:
        """Count a row in."""
        self.rows.setdefault(row.consumer, Counter())[row.state] += 1
        if self.fact is not None and (row.receipt, row.event) != (self.fact.receipt, self.key):
            self.strangers.add(row.consumer)
        if row.state is State.DELIVERED and not row.has_result:
            self.resultless.add(row.consumer)
        if row.state is State.PENDING and row.id in moving:
            self.moving[row.consumer] += 1

    def held(self, consumer: str) -> int:
        """Count a consumer's rows, in whatever state."""
        return self.rows.get(consumer, Counter()).total()


class Join:
    """Takes events and rows in the order of their ids, and gives each event back once its rows are through."""

    def __init__(self, moving: frozenset[str] = frozenset()) -> None:
        self._moving = moving
        self._open: list[Case] = []

    def take(self, item: Fact | Holding) -> Iterator[Case]:
        """Take the next event or row; give the cases that nothing can be added to any more."""
        while self._open and self._open[-1].key + PAST_BAR <= item.id:
            yield self._open.pop()
        if isinstance(item, Fact):
            self._open.append(Case(item.id, item))
        else:
            self._case_of(item.id.partition(BAR)[0]).add(item, self._moving)

    def rest(self) -> Iterator[Case]:
        """Give the cases that are left when everything was taken."""
        while self._open:
            yield self._open.pop()

    def _case_of(self, key: str) -> Case:
        for case in reversed(self._open):
            if case.key == key:
                return case
        orphan = Case(key, None)
        self._open.append(orphan)
        return orphan
