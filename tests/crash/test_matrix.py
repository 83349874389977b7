"""Wherever a daemon is struck, every fact is told once: a sample of what `make matrix` tries in full."""

import pytest

from tests.crash.ground import open_ground
from tests.crash.matrix import Matrix, sample
from tests.crash.safeguards import HUNTS, Hunt, hunt
from tests.crash.scenario import Scenario
from tests.crash.scenarios import SCENARIOS

SEED = 4
NAMES = [scenario.name for scenario in SCENARIOS]


@pytest.mark.parametrize("number", [pytest.param(1, id="few"), pytest.param(12, id="many", marks=pytest.mark.slow)])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=NAMES)
async def test_a_daemon_that_is_struck_anywhere_leaves_every_fact_told_once(
    mongodb_uri: str, scenario: Scenario, number: int
) -> None:
    async with open_ground(mongodb_uri) as ground:
        matrix = Matrix(ground)
        chosen = sample(await matrix.trials(scenario), number, SEED)
        ended = [one async for one in matrix.strike(chosen)]
    assert [] == [str(one) for one in ended if not one.judgement.holds]
    assert any(one.reached for one in ended)


@pytest.mark.slow
@pytest.mark.parametrize("wanted", HUNTS, ids=[wanted.safeguard for wanted in HUNTS])
async def test_without_a_safeguard_something_is_lost_or_told_twice(mongodb_uri: str, wanted: Hunt) -> None:
    async with open_ground(mongodb_uri) as ground:
        found = await hunt(ground, wanted)
    assert found.first is not None, found.told


async def test_without_the_nonce_a_fact_is_told_twice(mongodb_uri: str) -> None:
    """
    One safeguard of them in every run of the suite: the judge can say no.
    """
    async with open_ground(mongodb_uri) as ground:
        found = await hunt(ground, next(wanted for wanted in HUNTS if wanted.safeguard == "nonce"))
    assert found.first is not None
    assert ("sign_up:u0000",) == found.first.judgement.twice
