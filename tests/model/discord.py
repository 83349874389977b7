"""Discord: what may come of a post, and what happens there without us."""

from collections.abc import Iterator
from typing import NamedTuple

from tests.model.rules import Rule
from tests.model.state import Members, World
from tests.model.step import Kind, Step, Steps


class Fate(NamedTuple):
    """What came of a post: what the courier learns, and the world after it."""

    words: str
    kind: Kind
    answer: str  # delivered, refused, retry (certainly not there) or unknown
    world: World


def fates(world: World, nonce: Members, rules: frozenset[Rule]) -> Iterator[Fate]:
    """List what may come of a post that leaves now."""
    yield Fate("is told to wait", Kind.TROUBLE, "retry", world)
    yield Fate("loses the post on the way", Kind.TROUBLE, "unknown", world)
    if set(nonce) & set(world.poison) and not world.lenient:
        yield Fate("is refused", Kind.WORK, "refused", world)
        return
    if nonce not in world.held:
        held = world._replace(held=tuple(sorted((*world.held, nonce))))
        yield Fate("times out, the post is still on its way", Kind.TROUBLE, "unknown", held)
    accepted = accept(world, nonce, rules)
    yield Fate("is answered: it is there", Kind.WORK, "delivered", accepted)
    yield Fate("has it accepted, the answer is lost", Kind.TROUBLE, "unknown", accepted)


def accept(world: World, nonce: Members, rules: frozenset[Rule]) -> World:
    """Create a message, unless its nonce is remembered."""
    if nonce in world.remembered and Rule.ENFORCE_NONCE in rules:
        return world
    remembered = tuple(sorted({*world.remembered, nonce}))
    return world._replace(shown=tuple(sorted((*world.shown, nonce))), remembered=remembered)


def steps(world: World, rules: frozenset[Rule]) -> Steps:
    """List what may happen at Discord next."""
    for nonce in world.held:
        gone = world._replace(held=tuple(other for other in world.held if other != nonce))
        # One that never arrives has been lost from the start.
        yield Step(Kind.TIME, f"the post of {nonce} arrives late", accept(gone, nonce, rules))
    for nonce in world.remembered:
        if not _is_relied_on(world, nonce):
            yield Step(Kind.TIME, f"Discord forgets the nonce of {nonce}", _forgotten(world, nonce))
    if world.moody:
        other = world._replace(lenient=not world.lenient, moody=False)
        yield Step(
            Kind.TROUBLE, f"Discord comes to {'refuse' if world.lenient else 'accept'} event {world.poison}", other
        )


def _is_relied_on(world: World, nonce: Members) -> bool:
    # Discord remembers for minutes; the product relies on it for one, counted from before the first try.
    batches = [world.batch, *(row.attempt for row in world.rows if row)]
    return nonce in world.held or any(batch and batch.window and batch.members == nonce for batch in batches)


def _forgotten(world: World, nonce: Members) -> World:
    # Minutes later no record that relied on it is fresh.
    kept = tuple(other for other in world.remembered if other != nonce)
    couriers = tuple(
        one._replace(fresh=False) if one.fresh and one.batch and one.batch.members == nonce else one
        for one in world.couriers
    )
    return world._replace(remembered=kept, couriers=couriers)
