"""The life of a delivery.

Two laws. All that may happen to a delivery is in the table below; nobody else compares states. And this
module does not know which courier carries it: a courier that keeps its claim elsewhere (the Discord
courier's claim is the channel row's in-flight batch) goes from pending straight to the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from telemetry.core.event import Event


class State(StrEnum):
    """Where a delivery stands."""

    HELD = "held"
    PENDING = "pending"
    LEASED = "leased"
    DELIVERED = "delivered"
    DEAD = "dead"
    PARKED = "parked"
    SKIPPED = "skipped"


class Signal(StrEnum):
    """What may happen to a delivery."""

    ADMIT = "admit"  # its turn in its run has come
    CLAIM = "claim"  # a courier takes it, or takes it over from one that went quiet
    DONE = "done"  # it is certain that the outside has it
    RETRY = "retry"  # this attempt failed, another may not
    RELEASE = "release"  # the courier stops; no attempt was spent
    GIVE_UP = "give up"  # no attempt can succeed
    PARK = "park"  # a person must act first
    SKIP = "skip"  # an operator wants it left out
    REDRIVE = "redrive"  # an operator wants it tried again, as the same message
    REPLAY = "replay"  # an operator wants it told once more, as a new message


TRANSITIONS: Mapping[State, Mapping[Signal, State]] = {
    State.HELD: {Signal.ADMIT: State.PENDING, Signal.DONE: State.DELIVERED, Signal.SKIP: State.SKIPPED},
    State.PENDING: {
        Signal.CLAIM: State.LEASED,
        Signal.DONE: State.DELIVERED,
        Signal.RETRY: State.PENDING,
        Signal.GIVE_UP: State.DEAD,
        Signal.PARK: State.PARKED,
        Signal.SKIP: State.SKIPPED,
    },
    State.LEASED: {
        Signal.CLAIM: State.LEASED,
        Signal.DONE: State.DELIVERED,
        Signal.RETRY: State.PENDING,
        Signal.RELEASE: State.PENDING,
        Signal.GIVE_UP: State.DEAD,
        Signal.PARK: State.PARKED,
    },
    # What was delivered after all beats what we had come to believe: a late receipt heals the row.
    State.DEAD: {Signal.DONE: State.DELIVERED, Signal.REDRIVE: State.PENDING, Signal.SKIP: State.SKIPPED},
    State.PARKED: {Signal.DONE: State.DELIVERED, Signal.REDRIVE: State.PENDING, Signal.SKIP: State.SKIPPED},
    State.SKIPPED: {Signal.DONE: State.DELIVERED, Signal.REPLAY: State.PENDING},
    State.DELIVERED: {Signal.REPLAY: State.PENDING},
}

TOMBSTONES = frozenset({State.DELIVERED, State.SKIPPED})
# Nothing moves them until a person does, or what they wait for returns.
STANDING = (State.DEAD, State.PARKED)


def after(state: State, signal: Signal) -> State:
    """Say where a delivery stands after a signal; raise ValueError where the table has no such step."""
    try:
        return TRANSITIONS[state][signal]
    except KeyError:
        raise ValueError(f"a {state} delivery cannot take {signal!r}") from None


def sources(signal: Signal) -> tuple[State, ...]:
    """List the states from which a signal leads anywhere: the guard of the update that carries it out."""
    return tuple(state for state, steps in TRANSITIONS.items() if signal in steps)


def target(signal: Signal) -> State:
    """Say where a signal leads; every signal leads to one state only."""
    (state,) = {steps[signal] for steps in TRANSITIONS.values() if signal in steps}
    return state


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one destination of one consumer."""

    id: str
    event: str
    receipt: str  # the event's
    destination: str
    body: Mapping[str, Any]  # rendered: a replay never needs the event
    order: int  # set at offer, never changed
    state: State = State.PENDING
    ready_at: datetime | None = None  # due while pending, lease end while leased, absent on a tombstone
    claims: int = 0
    failures: int = 0
    generation: int = 0
    group: str | None = None  # within it a destination may ask for order
    run: str | None = None  # the run in which it waits for its turn
    turn: int = 0  # its place in the run, from 0
    admitted_at: datetime | None = None  # when it was let out of its run
    silent: int = 0  # claims in a row that came to nothing
    pauses: int = 0  # tries that cost nothing, as the destination asked for a pause
    solo: bool = False  # must travel alone
    rung: int = 0  # how far down its courier's ladder of simpler forms it has been taken
    attempt: Mapping[str, Any] | None = None  # an earlier try whose outcome was never learnt
    reason: str | None = None
    result: Mapping[str, Any] | None = None
    holder: str | None = field(default=None, compare=False)  # who claimed it last, while it is not at its end
    since: datetime | None = None  # when it ended, or came to stand; absent on older rows
    replay: Mapping[str, Any] | None = None  # the operation that had it told once more last, and what was told before
    scope: str | None = None  # parked with what comes back, it comes back with that; else a person has to let it
    scrubbed: bool = False  # its body was removed: it can be told no more

    @classmethod
    def of(cls, event: Event, destination: str, body: Mapping[str, Any], *, part: int = 0, **fields: Any) -> Self:
        """Make the delivery of an event to a destination, as a consumer plans it; the first part is part 0."""
        return cls(
            id=delivery_id(event.key, destination, part),
            event=event.key,
            receipt=event.receipt,
            destination=destination,
            body=body,
            order=event.order + part,
            ready_at=event.due_at or event.received_at,
            **fields,
        )

    @property
    def wanted_at(self) -> float:
        """Say since when (seconds) it is to be told.

        Since its fact was due, it was let out of its run, or it was asked for once more, whichever came last.
        """
        moment = (self.replay or {}).get("at") or self.admitted_at
        return moment.timestamp() if moment else self.order / 1_000_000


def delivery_id(event_key: str, destination: str, part: int = 0) -> str:
    """Name the delivery of an event to a destination; the parts after the first have their number behind it."""
    return f"{event_key}|{destination}|{part}" if part else f"{event_key}|{destination}"


def destination_of(name: str) -> str:
    """Give the destination that a delivery's id names: neither a key nor a destination holds "|"."""
    return name.split("|")[1]
