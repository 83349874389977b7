"""How a courier writes down what became of a batch: one row at a time, by the product's own table."""

from telemetry.core.delivery import TOMBSTONES, Signal, State, after, sources
from tests.model.rules import Rule
from tests.model.state import At, Batch, Courier, Row, World, with_courier, with_row

SIGNALS = {At.DELIVERED: Signal.DONE, At.DEAD: Signal.GIVE_UP, At.PARKING: Signal.PARK}
WRITES = frozenset({*SIGNALS, At.SPLITTING, At.CLEARING})


def settling(courier: Courier, at: At, batch: Batch) -> Courier:
    """Give the courier that is about to write an outcome."""
    return courier._replace(at=at, batch=batch, left=batch.members, fresh=False)


def write(world: World, me: int, rules: frozenset[Rule]) -> World:
    """Write the outcome of a batch to its next row; one update of several rows may be seen half done."""
    courier = world.couriers[me]
    event, *left = courier.left
    batch, row = courier.batch, world.rows[event]
    if batch is not None and row is not None:
        world = with_row(world, event, _written(row, courier.at, batch, rules))
    if left:
        return with_courier(world, me, courier._replace(left=tuple(left)))
    resolved = batch.members if batch else None
    done = courier._replace(at=At.IDLE, batch=None, left=(), resolved=resolved, refusal=False)
    return with_courier(world, me, done)


def is_open(row: Row, batch: Batch, rules: frozenset[Rule]) -> bool:
    """Say whether a batch has still to decide about a row."""
    elsewhere = row.attempt is not None and row.attempt.members != batch.members
    return row.state is State.PENDING and not (elsewhere and Rule.OWN_ATTEMPTS in rules)


def _written(row: Row, at: At, batch: Batch, rules: frozenset[Rule]) -> Row:
    elsewhere = row.attempt is not None and row.attempt.members != batch.members
    if elsewhere and at is not At.DELIVERED and Rule.OWN_ATTEMPTS in rules:
        return row
    if at is At.SPLITTING or at is At.CLEARING:
        if row.state in TOMBSTONES:
            return row
        forgotten = at is At.CLEARING or Rule.SPLIT_FORGETS in rules
        return row._replace(solo=row.solo or at is At.SPLITTING, attempt=None if forgotten else row.attempt)
    signal = SIGNALS[at]
    if row.state not in sources(signal):
        return row
    moved = row._replace(state=after(row.state, signal))
    if at is At.PARKING:
        return moved._replace(attempt=batch)
    return moved._replace(nonce=batch.members, attempt=None) if at is At.DELIVERED else moved
