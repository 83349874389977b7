"""An operator's verb goes through many deliveries at a pace."""

from collections.abc import AsyncIterator

import pytest

from telemetry.ops.paces import Pace, in_pages


@pytest.mark.parametrize(("rate", "page", "ahead"), [(0.1, 1, 6), (1, 1, 60), (7.5, 7, 100), (1000, 50, 100)])
def test_what_goes_at_once_is_a_seconds_worth_and_what_is_read_ahead_a_minutes(
    rate: float, page: int, ahead: int
) -> None:
    assert (page, ahead) == (Pace(rate).page, Pace(rate).ahead)


async def test_so_many_go_a_second_and_the_first_at_once() -> None:
    now = [100.0]

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    async def items() -> AsyncIterator[int]:
        for number in range(10):
            yield number

    pace = Pace(4, clock=lambda: now[0], sleep=sleep)
    gone = [(now[0] - 100, page) async for page in in_pages(items(), pace)]

    assert gone == [(0.0, [0, 1, 2, 3]), (1.0, [4, 5, 6, 7]), (2.0, [8, 9])]
