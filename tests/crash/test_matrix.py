"""Wherever a daemon is struck, every fact is told once: a sample of what `make matrix` tries in full."""

from contextlib import aclosing
from typing import Any

import pytest

from tests.crash.ground import open_ground
from tests.crash.matrix import AT_ONCE, Matrix, sample
from tests.crash.run import Ended
from tests.crash.sabotage import SAFEGUARDS
from tests.crash.safeguards import HUNTS, Hunt, hunt
from tests.crash.scenario import Scenario
from tests.crash.scenarios import SCENARIOS

SEED = 4
# A place may not be reached, as what a daemon does depends on time too: then another one is tried.
FEW, SPARE, MANY = 1, 3, 12
# The two that every fact depends on, in every run of the suite; the long one strikes in all of them.
QUICK = frozenset(
    {
        "watcher: facts fall due",
        "bot: one delivery",
    }
)


@pytest.mark.parametrize(
    ("scenario", "number", "spare"),
    [
        *(pytest.param(one, FEW, SPARE, id=f"{one.name}-few") for one in SCENARIOS if one.name in QUICK),
        *(pytest.param(one, MANY, 0, id=f"{one.name}-many", marks=pytest.mark.slow) for one in SCENARIOS),
    ],
)
async def test_a_daemon_that_is_struck_anywhere_leaves_every_fact_told_once(
    mongodb_uri: str, scenario: Scenario, number: int, spare: int
) -> None:
    async with open_ground(mongodb_uri) as ground:
        matrix = Matrix(ground)
        ended: list[Ended] = []
        chosen = sample(await matrix.trials(scenario), number + spare, SEED)
        async with aclosing(matrix.strike(chosen, min(number, AT_ONCE))) as strikes:
            async for one in strikes:
                ended.append(one)
                if sum(one.reached for one in ended) >= number:
                    break
    assert [] == [str(one) for one in ended if not one.judgement.holds]
    assert any(one.reached for one in ended)


@pytest.mark.slow
@pytest.mark.parametrize("wanted", HUNTS, ids=[wanted.safeguard for wanted in HUNTS])
async def test_without_a_safeguard_something_is_lost_or_told_twice(mongodb_uri: str, wanted: Hunt) -> None:
    async with open_ground(mongodb_uri) as ground:
        found = await hunt(ground, wanted)
    assert found.first is not None, found.told


@pytest.mark.slow
async def test_without_the_nonce_a_fact_is_told_twice(mongodb_uri: str) -> None:
    """
    One safeguard of them in every run of the suite: the judge can say no.
    """
    async with open_ground(mongodb_uri) as ground:
        found = await hunt(ground, next(wanted for wanted in HUNTS if wanted.safeguard == "nonce"))
    assert found.first is not None
    assert ("sign_up:u0000",) == found.first.judgement.twice


def test_the_quick_stories_are_stories() -> None:
    assert {one.name for one in SCENARIOS} >= QUICK


@pytest.mark.parametrize("name", SAFEGUARDS)
def test_each_safeguard_is_still_where_it_is_taken_out(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    put_in: list[tuple[Any, str]] = []

    def put(owner: Any, field: str, _: Any) -> None:
        assert hasattr(owner, field)
        put_in.append((owner, field))

    for module in ("bot", "courier", "operators", "watcher", "put"):
        monkeypatch.setattr(f"tests.crash.sabotage.{module}.put", put, raising=False)
    SAFEGUARDS[name]()
    assert put_in
