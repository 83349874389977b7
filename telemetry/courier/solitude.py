"""Company and solitude: many deliveries are carried side by side, a suspect one alone in the process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio


class Solitude:
    """Lets many in at once, or one alone."""

    def __init__(self) -> None:
        self._inside = 0
        self._alone = anyio.Lock()
        self._emptied = anyio.Event()

    @asynccontextmanager
    async def company(self) -> AsyncIterator[None]:
        """Be inside, beside others."""
        async with self._alone:
            self._inside += 1
        try:
            yield
        finally:
            self._leave()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Be inside with nobody else: wait until all have left, and let nobody in."""
        async with self._alone:
            while self._inside:
                await self._emptied.wait()
            yield

    def _leave(self) -> None:
        self._inside -= 1
        if not self._inside:
            self._emptied.set()
            self._emptied = anyio.Event()
