"""What a step is: how it came about, in words, and the world after it."""

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from tests.model.state import Courier, World, with_courier


class Kind(Enum):
    """What brings a step about: only work and time may be counted on."""

    WORK = "work"
    TIME = "time"
    TROUBLE = "trouble"


class Step(NamedTuple):
    """One thing that may happen next."""

    kind: Kind
    words: str
    world: World


Steps = Iterator[Step]


def becomes(world: World, me: int, courier: Courier, words: str, kind: Kind = Kind.WORK) -> Step:
    """Say what becomes of one courier, in a world that else stays as it is."""
    return Step(kind, f"courier {me} {words}", with_courier(world, me, courier))
