"""What one attempt came to. An outcome is a value; an exception is a surprise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from telemetry.core.event import Event


@dataclass(frozen=True, slots=True)
class Delivered:
    """The outside has it."""

    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Completed(Delivered):
    """It is done here, by whoever holds the claim alone; the events that follow from it are told with it, or not."""

    emits: Sequence[Event] = ()


@dataclass(frozen=True, slots=True)
class Retry:
    """It certainly did not happen, and may work later; a shutdown or a rate limit costs no budget."""

    reason: str
    after: float | None = None  # seconds the other side asked for
    costs: bool = True


@dataclass(frozen=True, slots=True)
class Dead:
    """It certainly did not happen and never will."""

    reason: str


@dataclass(frozen=True, slots=True)
class Parked:
    """It certainly did not happen, and a person must act first."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may or may not have happened: never to be guessed."""

    reason: str


Outcome = Delivered | Retry | Dead | Parked | Unknown


def name_of(outcome: Outcome) -> str:
    """Name what it came to in one word."""
    return "delivered" if isinstance(outcome, Delivered) else type(outcome).__name__.lower()
