"""What happens in a run: which facts come, how far they are when the daemon starts, and what Discord does."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from bot.simulator.settings import COMMUNITY
from tests.crash.file import BADGES, Outlet
from tests.crash.judgement import Judgement
from tests.crash.stage import Stage
from tests.receiver import Reply

MOMENT = 0.5
# What a daemon says when it starts, for a scenario that begins later; another one of its strikes there.
STARTING = ("buildInfo", "listIndexes", "createIndexes", "aggregate", "update consumers")


class Start(StrEnum):
    """How far the facts are when the daemon under test starts."""

    NOTHING = "nothing"  # producers still have to send them
    STORED = "stored"
    QUEUED = "queued"


@dataclass(frozen=True)
class Fact:
    """One fact as a producer sends it, and where it is to be shown."""

    event: str
    subject: str
    deferred: bool = False  # sent to be told a moment later

    @property
    def key(self) -> str:
        """What it is stored under."""
        kept = {"badge_awarded": f"{self.subject}:gold", "tick": f"everyone:{self.subject}"}
        return f"{self.event}:{kept.get(self.event, self.subject)}"

    @property
    def channel(self) -> int:
        """Where it is shown."""
        return BADGES if self.event == "badge_awarded" else COMMUNITY

    @property
    def hooked(self) -> bool:
        """Whether it is told by webhook too, where a world has both outlets."""
        return self.event == "sign_up"

    def body(self, **more: Any) -> dict[str, Any]:
        """Spell it as a producer does."""
        subject = "everyone" if self.event == "tick" else self.subject
        properties = {"badge": "gold", "number": self.subject}
        later = {"deliver_at": time.time() + MOMENT} if self.deferred else {}
        return {"event": self.event, "distinct_id": subject, "properties": properties, **later, **more}


def sign_ups(number: int, first: int = 0) -> tuple[Fact, ...]:
    """Make facts for the one channel."""
    return tuple(Fact("sign_up", f"u{n:04}") for n in range(first, first + number))


def reminders(number: int) -> tuple[Fact, ...]:
    """Make facts for the one channel that are to be told later."""
    return tuple(replace(fact, deferred=True) for fact in sign_ups(number))


def badges(number: int) -> tuple[Fact, ...]:
    """Make facts for the other channel."""
    return tuple(Fact("badge_awarded", f"u{n:04}") for n in range(number))


def some(event: str, number: int) -> tuple[Fact, ...]:
    """Make facts of any other type."""
    return tuple(Fact(event, f"n{n:04}") for n in range(number))


async def _nothing(_stage: Stage) -> None:
    return


async def _at_once(_stage: Stage) -> bool:
    return True


@dataclass(frozen=True)
class Scenario:
    """One story in which a daemon is struck wherever it can be."""

    name: str
    verb: str
    facts: tuple[Fact, ...]
    start: Start
    batches: Sequence[Sequence[Mapping[str, Any]]] = ()  # what producers send, where the facts are not there yet
    later: tuple[Fact, ...] = ()  # come once the daemon has been struck
    beside: Sequence[str] = ()  # daemons that run all along
    crew: Sequence[str] = ()  # daemons that are started for the rest
    settings: Mapping[str, str] = field(default_factory=dict)  # of every daemon
    environ: Mapping[str, str] = field(default_factory=dict)  # of the daemon until it is struck
    successor: Mapping[str, str] = field(default_factory=dict)  # of the one that is started after it
    discord: Mapping[str, Any] = field(default_factory=dict)
    faults: Sequence[Mapping[str, Any]] = ()
    replies: Sequence[Reply] = ()  # the receiver's first ones
    prepare: Callable[[Stage], Awaitable[None]] = _nothing  # once, before any of its runs
    begin: Callable[[Stage], Awaitable[None]] = _nothing
    heal: Callable[[Stage], Awaitable[None]] = _nothing
    conclude: Callable[[Stage], Awaitable[None]] = _nothing  # once another daemon has taken over
    has_come: Callable[[Stage], Awaitable[bool]] = _at_once  # what comes without a producer
    ends: Mapping[str, str] = field(default_factory=dict)  # by key: where a delivery ends that is not shown
    neighbour: bool = False
    once: bool = False  # what is struck ends by itself when it is through
    in_order: bool = True
    actions: Sequence[str] = ("kill",)
    spared: tuple[str, ...] = ()  # exchanges, by how they begin
    outlet: Outlet = Outlet.DISCORD
    handler: str = ""  # whose deliveries it is about, where they go to no outlet
    verdicts: Sequence[Callable[[Stage], Awaitable[Judgement]]] = ()  # none: each fact is told once

    @property
    def queue(self) -> str:
        """Where the deliveries wait."""
        return f"{self.handler or self.outlet}_queue"

    @property
    def expected(self) -> tuple[Fact, ...]:
        """All facts that were accepted by the end."""
        return self.facts + self.later
