"""What must hold in every state, and what the end of all work is."""

from telemetry.core.delivery import State
from tests.model.state import Members, Row, World

UNRESOLVED = frozenset({State.PENDING, State.PARKED})
ENDS = frozenset({State.DELIVERED, State.DEAD, State.PARKED})


def breach(world: World) -> str | None:
    """Say what is wrong with a state, or nothing."""
    told = [event for message in world.shown for event in message]
    if len(told) > len(set(told)):
        return "shown twice"
    for event, row in enumerate(world.rows):
        if row is None:
            if world.settled[event]:
                return "lost"
        elif row.state is State.DELIVERED:
            if event not in told:
                return "delivered but not shown"
        elif row.state is State.DEAD and event in told:
            return "dead but shown"
        elif row.state is State.DEAD and event not in world.poison:
            return "dead but never refused"
    return None


def lost_track(world: World) -> str | None:
    """Say what is wrong with a state, something in the channel that no record leads to included."""
    for nonce in {*world.shown, *world.held}:
        for event in nonce:
            row = world.rows[event]
            if row is not None and row.state in UNRESOLVED and nonce not in _recorded(world, row):
                return "replaced before it was resolved"
    return breach(world)


def _recorded(world: World, row: Row) -> list[Members]:
    return [batch.members for batch in (world.batch, row.attempt) if batch]


def is_finished(world: World) -> bool:
    """Say whether every event is settled and stands where it may stay."""
    return all(world.settled) and all(row is not None and row.state in ENDS for row in world.rows)
