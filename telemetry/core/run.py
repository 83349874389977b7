"""A run: the deliveries of one fan-out, let out in turns.

Two laws. A delivery is let out only when its run's row names it among the active ones, so whoever comes after a
crash lets out what was meant to be and counts what came of it. And of the deliveries of a run each is in one
place: it waits, is active, or is counted by what it came to.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from telemetry.core.delivery import Delivery, State, destination_of

# A delivery that came to one of these leaves its place to the next one, whatever is done about it later.
ENDS = frozenset({State.DELIVERED, State.DEAD, State.PARKED, State.SKIPPED})
# More than these are not out at once, those that wait for another try or for their destination included: they hold
# up nobody, but each round reads them.
MOST_ACTIVE = 500


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLING = "cancelling"  # what waits is about to be skipped
    PARTIAL = "partial"  # cancelled: what was out by then was told, the rest was skipped
    FINISHED = "finished"


ENDED = frozenset({RunState.PARTIAL, RunState.FINISHED})


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be out at once, and how often something is let out."""

    accounts: int = 8
    destinations: int = 3  # of one account
    rate: float = 40.0  # deliveries a minute, of one account


@dataclass(frozen=True, slots=True)
class Ended:
    """Who cancelled a run, or paused it or let it go on, and why."""

    by: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """From when on, and from how many that were done by then, a run's rate is measured."""

    at: datetime
    done: int


@dataclass(frozen=True, slots=True)
class Run:
    """How a run stands."""

    id: str
    event: str
    consumer: str
    account: str
    order: int  # runs of one account take turns in it
    state: RunState = RunState.RUNNING
    turns: int = 0  # given out so far, from 0
    offered: int = 0  # deliveries in the queue so far
    unfit: int = 0  # of those, never to be let out, as they could not be rendered
    refused: int = 0  # not in the queue, as the database would not have them
    plain: int = 0  # deliveries beside the run
    total: int | None = None  # deliveries in the run, once all are offered
    admitted: int = 0  # no turn below it waits
    active: Sequence[str] = ()  # let out, and not known to have come to anything
    counts: Mapping[State, int] = field(default_factory=dict)  # by what they came to
    step: int = 0  # each change of the conductor's is one
    ended: Ended | None = None
    pace: Pace | None = None
    after: str = ""  # the last member whose deliveries are offered

    @property
    def done(self) -> int:
        """Deliveries that came to something."""
        return sum(self.counts.values()) + self.unfit

    @property
    def waiting(self) -> int:
        """Deliveries that are offered and have not been let out."""
        return self.offered - self.done - len(self.active)

    @property
    def is_over(self) -> bool:
        """Say whether nothing is left to let out or to wait for."""
        return self.total is not None and not self.active and not self.waiting


@dataclass(frozen=True, slots=True)
class Choice:
    """What is let out next."""

    names: Sequence[str]
    taking: int  # so many of them take a place and a token
    cursor: int  # no turn below it will wait then


def ends(active: Sequence[str], rows: Mapping[str, Delivery]) -> dict[str, State]:
    """Say which active deliveries came to what; one that is gone was forgotten in time, as only finished ones are."""
    return {
        name: rows[name].state if name in rows else State.DELIVERED
        for name in active
        if name not in rows or rows[name].state in ENDS
    }


def resting(active: Sequence[str], rows: Mapping[str, Delivery], closed: Collection[str], now: datetime) -> set[str]:
    """Say which active deliveries take no place: they wait for a later try, or their destination is closed."""
    return {
        name
        for name in active
        if name in rows
        and (
            rows[name].destination in closed
            or (rows[name].state is State.PENDING and rows[name].failures and _is_later(rows[name], now))
        )
    }


def in_turn(runs: Sequence[Run], at_rest: Collection[str], limits: Limits) -> list[Run]:
    """Choose the runs that let something out now: the oldest that can of each account, of so many accounts."""
    chosen: dict[str, Run] = {}
    for run in sorted(runs, key=lambda run: (run.order, run.id)):
        if run.account not in chosen and _holds_its_turn(run, at_rest):
            chosen[run.account] = run
    return list(chosen.values())[: limits.accounts]


def places(run: Run, runs: Sequence[Run], at_rest: Collection[str], limits: Limits) -> int:
    """Count the destinations that may be added to those at which its account is, by this run or another one of some."""
    out = {name for other in runs if other.account == run.account for name in other.active}
    return limits.destinations - len({destination_of(name) for name in out if name not in at_rest})


def choose(run: Run, ahead: Sequence[tuple[int, str]], past: int, closed: Collection[str], room: int) -> Choice:
    """Choose what is let out next of those (turn, id) that wait below a turn, where so many more have room.

    Destinations that are closed need none. A destination gets its next part when the one before came to
    something.
    """
    busy = {destination_of(name) for name in run.active}
    most = MOST_ACTIVE - len(run.active)
    chosen: dict[str, bool] = {}
    for _, name in ahead:
        destination = destination_of(name)
        takes = destination not in closed
        if destination in busy or len(chosen) == most or (takes and sum(chosen.values()) >= room):
            continue
        busy.add(destination)
        chosen[name] = takes
    out = {*chosen, *run.active}
    cursor = next((turn for turn, name in ahead if name not in out), past)
    return Choice(list(chosen), sum(chosen.values()), max(cursor, run.admitted))


def counted(run: Run, ended: Mapping[str, State]) -> Run:
    """Give a run as it is once some that were active have come to something."""
    counts = dict(run.counts)
    for state in ended.values():
        counts[state] = counts.get(state, 0) + 1
    left = tuple(name for name in run.active if name not in ended)
    return _closed(replace(run, counts=counts, active=left))


def let_out(run: Run, choice: Choice, now: datetime) -> Run:
    """Give a run as it is once what was chosen is let out."""
    pace = run.pace or (Pace(now, run.done) if choice.names else None)
    return replace(run, active=(*run.active, *choice.names), admitted=choice.cursor, pace=pace)


def passed_over(run: Run) -> Run:
    """Give a run as it is once nothing that was not let out waits; what is out goes its way, and is counted still."""
    counts = dict(run.counts)
    counts[State.SKIPPED] = counts.get(State.SKIPPED, 0) + run.waiting
    return _closed(replace(run, counts=counts, admitted=run.turns))


def cut_short(run: Run) -> Run:
    """Give a run as it is once all that waited is skipped."""
    return replace(passed_over(run), state=RunState.PARTIAL)


def rate(run: Run, now: datetime) -> float | None:
    """Say how many deliveries a minute came to something since the run began or was resumed."""
    if run.pace is None or run.done <= run.pace.done or now <= run.pace.at:
        return None
    return (run.done - run.pace.done) * 60 / (now - run.pace.at).total_seconds()


def _closed(run: Run) -> Run:
    closes = run.is_over and run.state in (RunState.RUNNING, RunState.PAUSED)
    return replace(run, state=RunState.FINISHED) if closes else run


def _holds_its_turn(run: Run, at_rest: Collection[str]) -> bool:
    if run.state is not RunState.RUNNING:
        return False
    if any(name not in at_rest for name in run.active):
        return True
    return len(run.active) < MOST_ACTIVE and (run.waiting > 0 or run.total is None)


def _is_later(row: Delivery, now: datetime) -> bool:
    return row.ready_at is not None and row.ready_at > now
