"""Two watchers and two consumers during a deploy: the old watcher has never heard of the new consumer."""

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple, TypeVar

from telemetry.core.delivery import Signal, State, after
from tests.model.rules import ALL, Rule
from tests.model.step import Kind

OLD, NEW = 0, 1
# Which consumers each watcher can serve.
SERVES = ((OLD,), (OLD, NEW))
V = TypeVar("V")
Flags = tuple[bool, bool]
Step = tuple[Kind, str, "Deploy"]


class At(Enum):
    """How far a watcher is with the event."""

    DOWN = "down"
    UP = "up"
    READ = "has read what was acked"
    KNOWS = "knows who must hear of it"
    OFFERED = "has offered it"


class Watcher(NamedTuple):
    """All that one watcher keeps in mind."""

    at: At = At.DOWN
    hinted: bool = False
    acked: Flags = (False, False)  # as it was read
    registered: Flags = (False, False)  # as it was read


class Deploy(NamedTuple):
    """One event, and everybody who has to do with it."""

    stored: bool = False
    registered: Flags = (True, False)
    owed: Flags = (False, False)  # to whom, when it was stored
    rows: tuple[State | None, State | None] = (None, None)
    told: tuple[int, int] = (0, 0)
    acks: Flags = (False, False)
    settled: bool = False
    watchers: tuple[Watcher, Watcher] = (Watcher(), Watcher())


def steps(deploy: Deploy, rules: frozenset[Rule] = ALL) -> Iterator[Step]:
    """List everything that may happen next; a watcher may end at any point, and starts again."""
    if not deploy.stored:
        hinted = tuple(one._replace(hinted=one.at is not At.DOWN) for one in deploy.watchers)
        stored = deploy._replace(stored=True, owed=deploy.registered, watchers=(hinted[0], hinted[1]))
        yield Kind.WORK, "the event is stored", stored
    for consumer in (OLD, NEW):
        row = deploy.rows[consumer]
        if row is State.PENDING:
            done = after(row, Signal.DONE) if Rule.TOMBSTONE in rules else None
            told = _put(deploy.told, consumer, min(deploy.told[consumer] + 1, 2))
            told_once_more = deploy._replace(rows=_put(deploy.rows, consumer, done), told=told)
            yield Kind.WORK, f"consumer {consumer} is told", told_once_more
    for number in (OLD, NEW):
        for kind, words, changed in _watcher(deploy, number, rules):
            yield kind, f"watcher {number} {words}", changed


def _watcher(deploy: Deploy, number: int, rules: frozenset[Rule]) -> Iterator[Step]:
    one = deploy.watchers[number]
    match one.at:
        case At.DOWN:
            registered = deploy.registered
            for consumer in SERVES[number]:
                registered = _put(registered, consumer, True)
            yield Kind.WORK, "starts", _with(deploy._replace(registered=registered), number, Watcher(At.UP))
        case At.UP if Rule.READ_LAST not in rules and one.registered == (False, False):
            yield Kind.WORK, "reads the registry", _with(deploy, number, one._replace(registered=deploy.registered))
        case At.UP if deploy.stored and not deploy.settled and (one.hinted or Rule.SWEEP in rules):
            read = one._replace(at=At.READ, hinted=False, acked=deploy.acks)
            yield Kind.WORK, "reads the event", _with(deploy, number, read)
        case At.READ:
            registered = deploy.registered if Rule.READ_LAST in rules else one.registered
            yield (
                Kind.WORK,
                "knows who must hear of it",
                _with(deploy, number, one._replace(at=At.KNOWS, registered=registered)),
            )
        case At.KNOWS:
            rows = deploy.rows
            for consumer in _served(one, number):
                rows = _put(rows, consumer, rows[consumer] or State.PENDING)
            yield Kind.WORK, "offers it", _with(deploy._replace(rows=rows), number, one._replace(at=At.OFFERED))
        case At.OFFERED:
            yield Kind.WORK, "acks it", _with(_acked(deploy, one, number, rules), number, Watcher(At.UP))
    if one.at is not At.DOWN:
        yield Kind.TROUBLE, "is killed", _with(deploy, number, Watcher())


def _acked(deploy: Deploy, one: Watcher, number: int, rules: frozenset[Rule]) -> Deploy:
    acks = deploy.acks
    for consumer in _served(one, number):
        acks = _put(acks, consumer, True)
    wanted = one.registered if Rule.REGISTRY in rules else tuple(n in SERVES[number] for n in (OLD, NEW))
    settled = all(acked for acked, needed in zip(acks, wanted, strict=True) if needed)
    return deploy._replace(acks=acks, settled=deploy.settled or settled)


def _served(one: Watcher, number: int) -> list[int]:
    return [consumer for consumer in SERVES[number] if one.registered[consumer] and not one.acked[consumer]]


def _with(deploy: Deploy, number: int, one: Watcher) -> Deploy:
    return deploy._replace(watchers=_put(deploy.watchers, number, one))


def _put(pair: tuple[V, V], place: int, value: V) -> tuple[V, V]:
    return (value, pair[1]) if place == 0 else (pair[0], value)


def breach(deploy: Deploy) -> str | None:
    """Say what is wrong with a state, or nothing."""
    if max(deploy.told) > 1:
        return "told twice"
    for consumer in (OLD, NEW):
        if deploy.settled and deploy.owed[consumer] and deploy.rows[consumer] is None and not deploy.told[consumer]:
            return "settled, and a consumer never hears of it"
    return None


def is_finished(deploy: Deploy) -> bool:
    """Say whether everybody has heard who was to."""
    return deploy.settled and all(told for told, owed in zip(deploy.told, deploy.owed, strict=True) if owed)
