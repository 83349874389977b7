"""The crash matrix: each scenario once undisturbed, then once more for every place and every action."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from random import Random

from tests.crash.crossings import Place, Side
from tests.crash.ground import Ground
from tests.crash.judgement import Judgement
from tests.crash.run import Ended, Preparations, run
from tests.crash.scenario import Scenario

# More at once would only wait for the one server.
AT_ONCE = 3
# Two things that a daemon does side by side may leave one exchange out: then it is tried again before it is told.
TRIES = 3


@dataclass(frozen=True)
class Trial:
    """One run to be made."""

    scenario: Scenario
    place: Place
    action: str


class Matrix:
    """Finds the places of each scenario, and strikes at them."""

    def __init__(self, ground: Ground, without: str = "") -> None:
        self._ground = ground
        self._preparations = Preparations(ground)
        self._without = without

    async def undisturbed(self, scenario: Scenario) -> Ended:
        """Run a scenario through; what it passes are the places to strike at."""
        return await run(self._ground, scenario, None, "kill", await self._preparations.of(scenario))

    async def trials(self, scenario: Scenario) -> list[Trial]:
        """List everything that can be done to a scenario's daemon."""
        clean = await self.undisturbed(scenario)
        assert clean.judgement.holds, str(clean)
        places = [place for place in dict.fromkeys(clean.seen) if not place.exchange.startswith(scenario.spared)]
        return [
            Trial(scenario, place, action)
            for action in scenario.actions
            for place in places
            if not (action == "stop" and _has_left(place))
        ]

    async def strike(self, trials: Iterable[Trial], at_once: int = AT_ONCE) -> AsyncGenerator[Ended]:
        """Make runs, several at a time, and tell how each ended."""
        waiting = iter(trials)
        running: set[asyncio.Task[Ended]] = set()
        try:
            while True:
                while len(running) < at_once and (trial := next(waiting, None)):
                    running.add(asyncio.create_task(self._make(trial), name=str(trial.place)))
                if not running:
                    return
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.result()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _make(self, trial: Trial) -> Ended:
        prepared = await self._preparations.of(trial.scenario)
        for _ in range(TRIES):
            try:
                ended = await run(self._ground, trial.scenario, trial.place, trial.action, prepared, self._without)
            except Exception as error:  # noqa: BLE001 - one run that breaks is told, and the others go on
                broken = Judgement(other=(f"the run broke: {error!r}",))
                return Ended(trial.scenario.name, trial.action, trial.place, reached=True, judgement=broken, seconds=0)
            if ended.reached or not ended.judgement.holds:
                break
        return ended


def _has_left(place: Place) -> bool:
    # What a process has written is the network's, and arrives though the process be stopped: for a request to
    # Discord that would be held back for longer than every window nobody can promise anything.
    return place.exchange.startswith("POST /") and place.side is Side.BEFORE


def sample(trials: Sequence[Trial], number: int, seed: int) -> list[Trial]:
    """Choose some of them, the same ones for the same seed."""
    return Random(seed).sample(list(trials), min(number, len(trials)))
