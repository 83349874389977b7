"""What is written beside the requests: they never wait for it, and at rest nothing is asked or written."""

from collections.abc import Awaitable, Callable

import anyio

from telemetry.core.errors import UnavailableError
from telemetry.runtime.logs import get_logger

log = get_logger(__name__)

LAST_SECONDS = 2.0


class Aside:
    """Writes when there is something to write, after gathering for a while, and then rests for a while.

    What a write could not get across is kept for the next one; one that has more to write says so. A stop writes what
    is left, as far as `last` seconds take; a kill loses it.
    """

    def __init__(
        self, write: Callable[[], Awaitable[None]], *, gather: float = 0, rest: float = 0, last: float = LAST_SECONDS
    ) -> None:
        self._write = write
        self._gather = gather
        self._rest = rest
        self._last = last
        self._wanted = anyio.Event()

    def want(self) -> None:
        """Say that there is something to write."""
        self._wanted.set()

    async def run(self) -> None:
        """Write until cancelled, and then what is left."""
        try:
            while True:
                await self._wanted.wait()
                await anyio.sleep(self._gather)
                await self._try()
                await anyio.sleep(self._rest)
        finally:
            with anyio.move_on_after(self._last, shield=True):
                while await self._try() and self._wanted.is_set():
                    pass

    async def _try(self) -> bool:
        """Write; answer whether the database was there."""
        self._wanted = anyio.Event()
        try:
            await self._write()
        except UnavailableError:
            self._wanted.set()
            return False
        except Exception:
            # It is worth no request: whatever is wrong here, ingest goes on.
            log.exception("ingest.aside_failed")
        return True
