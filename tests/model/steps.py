"""All that may happen next: to couriers, the watcher, Discord, by time passing, by an operator."""

from telemetry.core.delivery import Signal, State, after
from tests.model import courier, discord, watcher
from tests.model.rules import Rule
from tests.model.state import At, Batch, Courier, Members, World, with_row
from tests.model.step import Kind, Step, Steps


def steps(world: World, rules: frozenset[Rule]) -> Steps:
    """List everything that may happen next, trouble while some is left."""
    for step in _steps(world, rules):
        if step.kind is not Kind.TROUBLE or world.troubles is None:
            yield step
        elif world.troubles:
            yield Step(step.kind, step.words, step.world._replace(troubles=world.troubles - 1))


def _steps(world: World, rules: frozenset[Rule]) -> Steps:
    yield from watcher.steps(world, rules)
    for number in range(len(world.couriers)):
        yield from courier.steps(world, number, rules)
    yield from discord.steps(world, rules)
    yield from _time(world)
    yield from _operator(world)


def _time(world: World) -> Steps:
    if world.live:
        yield Step(Kind.TIME, "the lease lapses", _lapsed(world))
    for nonce in sorted({batch.members for batch in _batches(world) if batch.window}):
        yield Step(Kind.TIME, f"the nonce of {nonce} is relied on no longer", _closed(world, nonce))


def _lapsed(world: World) -> World:
    # A lease outlasts the freshness of its record: the settings are refused otherwise. A record may grow old
    # before, which is no step of its own: to all others a live lease only forbids more than a lapsed one.
    couriers = tuple(
        one._replace(fresh=False) if one.fresh and number == world.holder and one.at is At.SENDING else one
        for number, one in enumerate(world.couriers)
    )
    return world._replace(live=False, couriers=couriers)


def _batches(world: World) -> list[Batch]:
    rows = [row.attempt for row in world.rows if row]
    return [batch for batch in (world.batch, *rows) if batch]


def _closed(world: World, nonce: Members) -> World:
    def closed(batch: Batch | None) -> Batch | None:
        return batch._replace(window=False) if batch and batch.members == nonce else batch

    def aged(one: Courier) -> Courier:
        row = one.row and one.row._replace(batch=closed(one.row.batch))
        # One that is not recorded yet begins its window with its record.
        later = one.at is At.RECORDING and one.batch is not None and not one.batch.again
        return one._replace(row=row, batch=one.batch if later else closed(one.batch))

    rows = tuple(row and row._replace(attempt=closed(row.attempt)) for row in world.rows)
    couriers = tuple(map(aged, world.couriers))
    return world._replace(rows=rows, batch=closed(world.batch), couriers=couriers)


def _operator(world: World) -> Steps:
    if not world.redrive:
        return
    for event, row in enumerate(world.rows):
        if row and row.state is State.PARKED:
            again = row._replace(state=after(row.state, Signal.REDRIVE))
            yield Step(Kind.TROUBLE, f"an operator has event {event} tried again", with_row(world, event, again))
