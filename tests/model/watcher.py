"""The watcher: offers, then acks; it may crash between any two steps."""

from telemetry.core.delivery import State
from tests.model.rules import Rule
from tests.model.state import Row, World, with_row
from tests.model.step import Kind, Step, Steps


def steps(world: World, rules: frozenset[Rule]) -> Steps:
    """List what the watcher may do next."""
    # Reading what is owed is no step of its own: nobody else settles events, so what was read stays true.
    first, second = (_offer, _ack) if Rule.ACK_LAST in rules else (_ack, _offer)
    event = world.watching
    if event is None:
        for owed, settled in enumerate(world.settled):
            if not settled:
                begun = first(world._replace(watching=owed), owed, rules)
                yield _at_once(begun, second(begun.world, owed, rules)) if world.swift else begun
        return
    yield _done(second(world, event, rules))
    yield Step(Kind.TROUBLE, "the watcher crashes", world._replace(watching=None))


def _at_once(one: Step, other: Step) -> Step:
    # A repeated offer changes nothing and couriers do not look at acks: no courier can tell the two apart.
    return _done(other)._replace(words=f"{one.words}, {other.words}")


def _done(step: Step) -> Step:
    return step._replace(world=step.world._replace(watching=None))


def _offer(world: World, event: int, rules: frozenset[Rule]) -> Step:
    if world.rows[event] is None or Rule.TOMBSTONE not in rules:
        world = with_row(world, event, Row(State.PENDING))
    return Step(Kind.WORK, f"the watcher offers event {event}", world)


def _ack(world: World, event: int, _rules: frozenset[Rule]) -> Step:
    settled = (*world.settled[:event], True, *world.settled[event + 1 :])
    return Step(Kind.WORK, f"the watcher acks event {event}", world._replace(settled=settled))
