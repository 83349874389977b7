"""What the nemesis will do, and when: all of it follows from the seed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

SEATS = (
    *("ingest-0", "ingest-1", "watch-0", "watch-1", "bot-0", "bot-1"),
    *("courier webhook-0", "courier webhook-1", "courier fulfil-0", "courier fulfil-1"),
)
CHANNELS = ("community", "badges")
TOLD = ("discord", "receiver")


class Kind(StrEnum):
    """What can be done to whom."""

    KILL = "kill"  # a daemon, with SIGKILL
    PAUSE = "pause"  # a daemon, past its leases; then it wakes up
    CUT = "cut off"  # a daemon, from the database and from Discord's API
    DELAY = "delay"  # whatever a daemon sends or gets
    DEAFEN = "drop answers"  # of what a daemon asked for
    CLOCK = "jump a clock"  # a daemon's, by five minutes
    DATABASE = "kill the database"
    STEP_DOWN = "step the primary down"
    LIMIT = "answer 429"
    FAIL = "answer 5xx"
    FAIL_AFTER = "accept, then answer 5xx"
    DROP_AFTER = "accept, then drop"
    DELETE = "delete a channel"
    FORBID = "forbid a channel"
    BLIND = "forbid its history"
    SWITCH = "switch an endpoint off"
    HOLD = "pause a run"
    BREAK_OFF = "cancel a run"
    RESCHEDULE = "change a schedule"
    SUSPEND = "pause a schedule"


DAEMON = frozenset({Kind.KILL, Kind.PAUSE, Kind.CUT, Kind.DELAY, Kind.DEAFEN, Kind.CLOCK})
CHANNEL = frozenset({Kind.DELETE, Kind.FORBID, Kind.BLIND})
ANSWER = frozenset({Kind.LIMIT, Kind.FAIL, Kind.FAIL_AFTER, Kind.DROP_AFTER})
OPERATOR = {
    Kind.SWITCH: "receiver",
    Kind.HOLD: "news",
    Kind.BREAK_OFF: "news",
    Kind.RESCHEDULE: "pulse",
    Kind.SUSPEND: "pulse",
}
# How often, and for how many seconds at least and at most.
HABITS: Mapping[Kind, tuple[float, float, float]] = {
    Kind.KILL: (40, 0.0, 2.0),
    Kind.PAUSE: (8, 0.5, 6.0),
    Kind.CUT: (6, 0.5, 5.0),
    Kind.DELAY: (6, 1.0, 6.0),
    Kind.DEAFEN: (8, 0.5, 3.0),
    Kind.CLOCK: (4, 4.0, 10.0),
    Kind.DATABASE: (2, 0.2, 2.0),
    Kind.STEP_DOWN: (2, 0.0, 0.0),
    Kind.LIMIT: (5, 0.1, 1.5),
    Kind.FAIL: (5, 0.0, 0.0),
    Kind.FAIL_AFTER: (5, 0.0, 0.0),
    Kind.DROP_AFTER: (6, 0.0, 0.0),
    Kind.DELETE: (1, 2.0, 6.0),
    Kind.FORBID: (2, 1.0, 5.0),
    Kind.BLIND: (1.5, 1.0, 5.0),
    Kind.SWITCH: (1.5, 1.0, 4.0),
    Kind.HOLD: (5, 0.5, 4.0),
    Kind.BREAK_OFF: (2, 0.0, 0.0),
    Kind.RESCHEDULE: (2, 0.0, 0.0),
    Kind.SUSPEND: (2, 0.5, 3.0),
}
QUIET_BEFORE, QUIET_AFTER = 3.0, 3.0


@dataclass(frozen=True)
class Act:
    """One thing that is done: when, to whom, and for how long."""

    at: float
    kind: Kind
    target: str
    seconds: float

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.at:7.1f} s  {self.kind} {self.target}" + (f" for {self.seconds:.1f} s" if self.seconds else "")


def plan(seed: int, seconds: float, abilities: Collection[Kind], pause: float = 0.8) -> list[Act]:
    """Plan a run: the same seed, length and abilities give the same plan."""
    chance = Random(seed)
    kinds = [kind for kind in HABITS if kind in abilities]
    weights = [HABITS[kind][0] for kind in kinds]
    acts, at = [], QUIET_BEFORE
    while (at := at + chance.expovariate(1 / pause)) < seconds - QUIET_AFTER:
        (kind,) = chance.choices(kinds, weights)
        _, least, most = HABITS[kind]
        acts.append(Act(round(at, 2), kind, _target(kind, chance), round(chance.uniform(least, most), 2)))
    return acts


def _target(kind: Kind, chance: Random) -> str:
    if kind in DAEMON:
        return chance.choice(SEATS)
    if kind in CHANNEL:
        return chance.choice(CHANNELS)
    if kind in ANSWER:
        return chance.choice(TOLD)
    return OPERATOR.get(kind, "database")
