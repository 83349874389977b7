"""The proof proves something: with any one safeguard taken out, it finds a loss or a double."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.crash.ground import Ground
from tests.crash.matrix import Matrix, Trial
from tests.crash.run import Ended
from tests.crash.scenario import Scenario
from tests.crash.scenarios import SCENARIOS


@dataclass(frozen=True)
class Hunt:
    """Where a missing safeguard is looked for."""

    safeguard: str
    scenario: str
    action: str
    exchange: str


HUNTS = (
    Hunt("nonce", "bot: one delivery", "kill", "POST"),
    Hunt("sending first", "bot: nonce window over, it was posted", "kill", "POST"),
    Hunt("fence", "bot: more comes meanwhile", "stop", "update channels"),
    Hunt("tombstone", "watcher: two consumers, one fails", "kill", "update events"),
    Hunt("sweep", "watcher: two consumers, one fails", "kill", "update leases"),
    Hunt("consumer-aware settling", "watcher: two consumers, one fails", "kill", "update events"),
    Hunt("frozen digest", "bot: more comes meanwhile", "kill", "POST"),
    Hunt("history", "bot: nonce window over, it was posted", "kill", "POST"),
    Hunt("constant id", "courier: several at once", "kill", "POST"),
    Hunt("settling last", "courier: several at once", "kill", "POST"),
    Hunt("guarded firing", "watcher: put off and taken back while they fire", "stop", "update events"),
    Hunt("deciding first", "watcher: schedules are changed while they fire", "kill", "insert events"),
    Hunt("guarded deciding", "watcher: schedules are changed while they fire", "stop", "update schedules"),
    Hunt("pinned run", "watcher: a fan-out half-way", "kill", "update runs"),
    Hunt("naming first", "watcher: a fan-out half-way", "kill", "update discord_queue"),
    Hunt("guarded run", "watcher: runs are paused, resumed and cancelled", "stop", "update runs"),
    Hunt("emits in the row", "handler: an effect, and follow-ups", "kill", "insert events"),
    Hunt("one transaction", "handler: an effect, and follow-ups", "kill", "insert deeds"),
    Hunt("once an operation", "operator: a replay", "kill", "update operations"),
    Hunt("fresh record", "bot: nonce window over, it was posted", "stop", "update channels"),
)


@dataclass(frozen=True)
class Found:
    """What a hunt came to."""

    hunt: Hunt
    runs: int
    first: Ended | None  # none: nothing noticed that the safeguard is missing

    @property
    def told(self) -> str:
        """Say what was found, and where."""
        if self.first is None:
            return "NOTHING: this safeguard is not proven"
        wrong = self.first.judgement
        kind = "lost" if wrong.lost else "twice" if wrong.twice else "otherwise wrong"
        return f"{kind}, by {self.first.action} {self.first.place} in “{self.first.scenario}”"


async def hunt(ground: Ground, wanted: Hunt) -> Found:
    """Strike where it should hurt until something is lost or told twice."""
    scenario = named(wanted.scenario)
    trials = [
        trial
        for trial in await Matrix(ground).trials(scenario)
        if trial.action == wanted.action and trial.place.exchange.startswith(wanted.exchange)
    ]
    return await _hunt(Matrix(ground, wanted.safeguard), wanted, trials)


async def _hunt(matrix: Matrix, wanted: Hunt, trials: Sequence[Trial]) -> Found:
    runs = 0
    async for ended in matrix.strike(trials, at_once=1):
        runs += 1
        if not ended.judgement.holds:
            return Found(wanted, runs, ended)
    return Found(wanted, runs, None)


def named(name: str) -> Scenario:
    """Find a scenario by its name."""
    return next(scenario for scenario in SCENARIOS if scenario.name == name)
