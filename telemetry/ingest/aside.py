"""What is written beside the requests: they never wait for it, and at rest nothing is asked or written."""

from collections.abc import Awaitable, Callable

import anyio

from telemetry.core.errors import UnavailableError
from telemetry.runtime.logs import get_logger

log = get_logger(__name__)

LAST_SECONDS = 2.0


class Aside:
    """Writes when there is something to write, after gathering for a while, and then rests for a while.

    What a write could not get across is kept for the next one; a stop writes what is left, a kill loses it.
    """

    def __init__(self, write: Callable[[], Awaitable[None]], *, gather: float = 0, rest: float = 0) -> None:
        self._write = write
        self._gather = gather
        self._rest = rest
        self._wanted = anyio.Event()

    def want(self) -> None:
        """Say that there is something to write."""
        self._wanted.set()

    async def run(self) -> None:
        """Write until cancelled, and once more."""
        try:
            while True:
                await self._wanted.wait()
                await anyio.sleep(self._gather)
                self._wanted = anyio.Event()
                await self._try()
                await anyio.sleep(self._rest)
        finally:
            with anyio.move_on_after(LAST_SECONDS, shield=True):
                await self._try()

    async def _try(self) -> None:
        try:
            await self._write()
        except UnavailableError:
            self._wanted.set()
        except Exception:
            # It is worth no request: whatever is wrong here, ingest goes on.
            log.exception("ingest.aside_failed")
