"""Waiting on a fact, never on a nap."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

T = TypeVar("T")

LOOK_EVERY = 0.05
# For what must come: a machine that is busy with other tests takes its time, and nobody waits who need not.
PATIENCE = 60.0


async def came_true(fact: Callable[[], Awaitable[T]], seconds: float = PATIENCE, every: float = LOOK_EVERY) -> bool:
    """Wait until a question is answered with something true; say whether it was within the time."""
    with anyio.move_on_after(seconds):
        while not await fact():  # noqa: ASYNC110 - another process may be what is asked about
            await anyio.sleep(every)
        return True
    return False


async def until(fact: Callable[[], Awaitable[T]], seconds: float = PATIENCE, every: float = LOOK_EVERY) -> T:
    """Wait until a question is answered with something true; fail, saying the last answer, after a while."""
    answer: T | None = None
    with anyio.move_on_after(seconds):
        while True:
            answer = await fact()
            if answer:
                return answer
            await anyio.sleep(every)
    raise AssertionError(f"did not come true within {seconds} s: {fact.__doc__ or fact.__name__}; last: {answer!r}")
