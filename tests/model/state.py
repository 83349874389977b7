"""What the world is: rows, couriers, the watcher, and what Discord holds. Values only."""

from enum import StrEnum
from typing import Any, NamedTuple

from telemetry.core.delivery import State

Members = tuple[int, ...]  # events by number, in the order of the queue; they name the nonce too


class Batch(NamedTuple):
    """What is or was about to be posted as one message."""

    members: Members
    again: bool = False  # recorded for a second try or a later one
    window: bool = True  # first tried so lately that the nonce may be relied on


class Row(NamedTuple):
    """A delivery's row."""

    state: State
    solo: bool = False
    attempt: Batch | None = None
    nonce: Members | None = None  # under which it was delivered


class Seen(NamedTuple):
    """The channel's row as a courier read or recorded it."""

    current: bool  # nothing has happened to it since that the fence looks at
    mine: bool
    batch: Batch | None


class At(StrEnum):
    """Where a courier stands between two steps."""

    IDLE = "idle"
    RECORDING = "recording"
    RESUMING = "recording an earlier try"
    SENDING = "sending"
    LOOKING = "looking for the whole"
    LOOKING_PART = "looking for what is left"
    DELIVERED = "settling as delivered"
    DEAD = "settling as dead"
    PARKING = "parking"
    SPLITTING = "splitting"
    CLEARING = "taking leave of an earlier try"


class Courier(NamedTuple):
    """What one courier knows; a crash loses all of it, a stop nothing."""

    at: At = At.IDLE
    row: Seen | None = None
    resolved: Members | None = None
    refusal: bool = False
    fresh: bool = False
    batch: Batch | None = None  # in hand
    left: Members = ()  # members not written yet


class World(NamedTuple):
    """Everything there is; the channel's row is `holder`, `live`, `batch`."""

    rows: tuple[Row | None, ...]
    settled: tuple[bool, ...]
    watching: int | None  # the event that the watcher is about to ack
    holder: int | None
    live: bool  # the holder's lease
    batch: Batch | None
    couriers: tuple[Courier, ...]
    shown: tuple[Members, ...]
    remembered: tuple[Members, ...]  # nonces of shown messages that Discord still compares with
    held: tuple[Members, ...]  # posts on their way
    poison: Members  # events that Discord refuses
    troubles: int | None = None  # how much may still go wrong; None: no limit
    swift: bool = False  # the watcher offers and acks at once
    redrive: bool = True  # an operator has parked rows tried again
    lenient: bool = False  # Discord accepts it all the same
    moody: bool = False  # Discord may change its mind about that, once


NOBODY_ALIVE = -1  # holds the row: a courier that crashed


def start(events: int, couriers: int, **scene: Any) -> World:
    """Give the world in which events are stored and nothing else has happened."""
    fresh = World(
        rows=(None,) * events,
        settled=(False,) * events,
        watching=None,
        holder=None,
        live=False,
        batch=None,
        couriers=(Courier(),) * couriers,
        shown=(),
        remembered=(),
        held=(),
        poison=(),
    )
    return fresh._replace(**scene)


def with_courier(world: World, number: int, courier: Courier) -> World:
    """Give the world in which one courier is another."""
    couriers = world.couriers
    return world._replace(couriers=(*couriers[:number], courier, *couriers[number + 1 :]))


def with_row(world: World, event: int, row: Row) -> World:
    """Give the world in which one row is another."""
    return world._replace(rows=(*world.rows[:event], row, *world.rows[event + 1 :]))


def canonical(world: World) -> World:
    """Choose one of two worlds that differ in nothing but which courier is which."""
    first, second = world.couriers
    if hash(first) <= hash(second):
        return world
    holder = 1 - world.holder if world.holder in (0, 1) else world.holder
    return world._replace(couriers=(second, first), holder=holder)
