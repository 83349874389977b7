"""A minute of everything at once."""

import pytest

from tests.torture.torture import Torture


@pytest.mark.slow
async def test_a_minute_of_torture_loses_nothing_and_tells_nothing_twice() -> None:
    outcome = await Torture(seed=11, seconds=60, rate=40, say=print).run()
    assert outcome.judgement.holds, outcome
    assert outcome.kills > 5
    assert outcome.events > 500
