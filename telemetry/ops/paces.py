"""How quickly an operator's verb goes through many deliveries: so many a second, a page at a time."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import anyio

T = TypeVar("T")

PAGE = 50
READ_AHEAD = 100
USUAL_RATE = 100.0


@dataclass
class Pace:
    """Lets so many through a second."""

    rate: float = USUAL_RATE
    clock: Callable[[], float] = anyio.current_time
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    _next: float = field(default=0.0, init=False)

    @property
    def page(self) -> int:
        """How many go at once: a second's worth at most."""
        return max(1, min(PAGE, int(self.rate)))

    @property
    def ahead(self) -> int:
        """How many are read at once: a minute's worth at most, as a server forgets a reader that is quiet for long."""
        return max(1, min(READ_AHEAD, int(60 * self.rate)))

    async def wait(self, number: int) -> None:
        """Wait until so many more may go."""
        now = self.clock()
        if self._next > now:
            await self.sleep(self._next - now)
        self._next = max(self._next, now) + number / self.rate


async def in_pages(items: AsyncIterator[T], pace: Pace) -> AsyncIterator[list[T]]:
    """Give items in pages, at a pace."""
    page: list[T] = []
    async for item in items:
        page.append(item)
        if len(page) == pace.page:
            await pace.wait(len(page))
            yield page
            page = []
    if page:
        await pace.wait(len(page))
        yield page
