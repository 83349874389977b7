"""Every state of a small world is reached: nothing is told twice, nothing is lost, and all can always end well."""

import gc
from collections.abc import Iterator
from functools import partial

import pytest

from telemetry.core.delivery import State
from tests.model.invariants import breach, is_finished, lost_track
from tests.model.rules import ALL, CONVENIENT, OFFERING, Rule
from tests.model.search import Explored, explore, trapped
from tests.model.state import Row, World, canonical, start
from tests.model.steps import steps

ONE_EVENT = start(1, 2)
ONE_REFUSED = start(1, 2, swift=True, poison=(0,))
COMES_TO_ACCEPT = ONE_REFUSED._replace(moody=True)
COMES_TO_REFUSE = ONE_REFUSED._replace(moody=True, lenient=True)
DIGEST = start(2, 1, swift=True)
DIGEST_REFUSED = start(2, 1, swift=True, poison=(0,))
# Without a limit on trouble the scenes above and these two would multiply to millions of states.
ONE_OFFERED = {"rows": (Row(State.PENDING), None), "settled": (True, False)}
DIGEST_OF_TWO = start(2, 2, swift=True, redrive=False, troubles=2, **ONE_OFFERED)
DIGEST_OF_TWO_LONGER = DIGEST_OF_TWO._replace(troubles=3)

SCENES = {
    "one event, two couriers": ONE_EVENT,
    "one event that is refused": ONE_REFUSED,
    "one event that is refused and then accepted": COMES_TO_ACCEPT,
    "one event that is accepted and then refused": COMES_TO_REFUSE,
}
# Tens of thousands of states each: gone through by the long suite.
LARGE_SCENES = {
    "two events, one courier": DIGEST,
    "two events, one of them refused": DIGEST_REFUSED,
    "two events, two couriers, two troubles": DIGEST_OF_TWO,
}

# Where each rule matters, and what goes wrong without it.
BROKEN = {
    Rule.ENFORCE_NONCE: (ONE_EVENT, "shown twice"),
    Rule.RECORD_FIRST: (ONE_EVENT, "shown twice"),
    Rule.FENCE: (ONE_EVENT, "shown twice"),
    Rule.FENCED_SETTLEMENT: (COMES_TO_ACCEPT, "dead but shown"),
    Rule.EVERY_RECORD_COUNTS: (DIGEST_OF_TWO._replace(troubles=1), "shown twice"),
    Rule.RECORD_REOPENS: (ONE_EVENT, "shown twice"),
    Rule.FROZEN_MEMBERS: (DIGEST, "shown twice"),
    Rule.FRESH_RECORD: (ONE_EVENT, "shown twice"),
    Rule.ONE_READING: (ONE_EVENT, "shown twice"),
    Rule.HISTORY: (ONE_EVENT, "shown twice"),
    Rule.WHOLE_FINDS: (DIGEST, "delivered but not shown"),
    Rule.HISTORY_WAITS: (start(1, 1), "shown twice"),
    Rule.PARK_UNREADABLE: (ONE_EVENT, "shown twice"),
    Rule.OWN_ATTEMPTS: (DIGEST, "shown twice"),
    Rule.RESOLVE_FIRST: (ONE_EVENT, "shown twice"),
    Rule.CERTAIN_REFUSAL: (COMES_TO_REFUSE, "dead but shown"),
    Rule.TOMBSTONE: (start(1, 1), "shown twice"),
    Rule.ACK_LAST: (ONE_EVENT, "lost"),
}


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    # Nothing here is cyclic, and the collector would walk all states again and again.
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def explored(world: World, rules: frozenset[Rule] = ALL) -> Explored[World]:
    """Reach every state, and show the way to the first bad one."""
    found = explore(world, partial(steps, rules=rules), lost_track, canonical if len(world.couriers) == 2 else None)
    if found.wrong:
        show(found, found.wrong, found.wrong_at)
    return found


def show(found: Explored[World], wrong: str, number: int) -> None:
    """Print the shortest way to a state."""
    lines = found.trace(number)
    print(f"{wrong}, after {len(lines) - 1} steps:", *lines, sep="\n  ")  # noqa: T201 - pytest shows it on failure


@pytest.mark.parametrize(
    "scene",
    [
        *(pytest.param(scene, id=name) for name, scene in SCENES.items()),
        *(pytest.param(scene, id=name, marks=pytest.mark.slow) for name, scene in LARGE_SCENES.items()),
    ],
)
def test_whatever_crashes_stops_or_gets_lost_all_is_told_once_and_can_always_be_finished(scene: World) -> None:
    found = explored(scene)
    assert found.wrong is None
    assert [] == trapped(found, is_finished)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_three_troubles_do_no_more_harm_than_two() -> None:
    found = explored(DIGEST_OF_TWO_LONGER)
    assert found.wrong is None
    assert [] == trapped(found, is_finished)


@pytest.mark.parametrize("rule", BROKEN, ids=lambda rule: rule.name)
def test_without_this_rule_it_goes_wrong(rule: Rule) -> None:
    scene, wrong = BROKEN[rule]
    found = explore(scene, partial(steps, rules=ALL - {rule}), breach)
    show(found, f"without '{rule}': {found.wrong}", found.wrong_at)
    assert wrong == found.wrong


@pytest.mark.slow
def test_a_digest_that_stays_an_earlier_try_is_never_split() -> None:
    found = explore(DIGEST_REFUSED._replace(troubles=4), partial(steps, rules=ALL - {Rule.SPLIT_FORGETS}), breach)
    stuck = trapped(found, is_finished)
    assert stuck
    show(found, f"without '{Rule.SPLIT_FORGETS}': no way out", stuck[0])
    assert found.wrong is None


@pytest.mark.parametrize("rule", CONVENIENT, ids=lambda rule: rule.name)
def test_without_a_convenience_nothing_goes_wrong(rule: Rule) -> None:
    found = explored(DIGEST._replace(redrive=False), ALL - {rule})
    assert found.wrong is None
    assert [] == trapped(found, is_finished)


def test_every_rule_is_broken_once() -> None:
    assert {*BROKEN, *CONVENIENT, *OFFERING, Rule.SPLIT_FORGETS} == ALL


def test_every_end_is_reached() -> None:
    ends = {row.state for world in explored(COMES_TO_ACCEPT).worlds for row in world.rows if row}
    assert {State.PENDING, State.DELIVERED, State.DEAD, State.PARKED} == ends
