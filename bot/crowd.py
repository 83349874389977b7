"""The users for whom something waits: many, so that few are known at a time, and fewer are written to at once.

The rest is left in the database, and read from there when those that are known have been seen to.
"""

from collections.abc import Awaitable, Callable, Sequence

import anyio
from anyio.abc import TaskGroup

AT_ONCE = 20
MOST_WAITING = 1_000

Page = Callable[[str, int], Awaitable[Sequence[str]]]


class Crowd:
    """Sees to users, so many at a time, each by one task only."""

    def __init__(self, page: Page, see_to: Callable[[str], Awaitable[None]]) -> None:
        self._page = page  # gives the first so many users after one
        self._see_to = see_to
        self._waiting: dict[str, None] = {}
        self._stirred = anyio.Event()
        self._reading = anyio.Lock()
        self._read_to: str | None = None  # how far the present reading of the database has come; None: there is none

    def start(self, group: TaskGroup) -> None:
        """Start the tasks."""
        for number in range(AT_ONCE):
            group.start_soon(self._work, name=f"direct messages {number}")

    def want(self, user: str) -> None:
        """Let a user be seen to, unless too many wait: the database has those."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting[user] = None
            self._stirred.set()
        else:
            self.look()

    def look(self) -> None:
        """Go through the database, unless that is being done."""
        if self._read_to is None:
            self._read_to = ""
            self._stirred.set()

    async def _work(self) -> None:
        while True:
            await self._see_to(await self._next())

    async def _next(self) -> str:
        while not self._waiting:
            if self._read_to is not None:
                await self._read_on()
            else:
                # All that wait here wait for the same news.
                if self._stirred.is_set():
                    self._stirred = anyio.Event()
                await self._stirred.wait()
        user = next(iter(self._waiting))
        del self._waiting[user]
        return user

    async def _read_on(self) -> None:
        async with self._reading:
            if self._waiting or self._read_to is None:
                return
            found = await self._page(self._read_to, MOST_WAITING)
            self._read_to = found[-1] if found else None
            self._waiting |= dict.fromkeys(found)
            # The others wait for the reading or for news: there are some, or there is nothing more.
            self._stirred.set()
