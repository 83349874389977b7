"""A place where one daemon after the other works: whatever ends one, the next takes it."""

import asyncio
import signal
from itertools import count
from pathlib import Path

from tests.crash.offspring import Daemon
from tests.crash.stage import Stage
from tests.faketime import wrong_calendar
from tests.torture.weather import Weather


class Seat:
    """Keeps one daemon running, in its own weather and by its own clock."""

    def __init__(self, name: str, stage: Stage) -> None:
        self.name = name
        self.weather = Weather()
        self.daemon: Daemon | None = None
        self._stage = stage
        self._rest = 0.0
        self._clock: Path | None = None
        self._clocks = count(1)
        self._closed = False
        self.kills = 0

    async def keep(self) -> None:
        """Run a daemon, and another when it has ended, until closed."""
        way = await self._stage.way(self.weather)
        while not self._closed:
            self.daemon = await self._stage.start(self.name.rpartition("-")[0], **way, **self._time())
            await self.daemon.ended.wait()
            await asyncio.sleep(self._rest)
            self._rest = 0.0

    def kill(self, rest: float = 0.0) -> None:
        """Kill the daemon; the next comes after a rest."""
        self._rest = rest
        if self.daemon is not None and not self.daemon.ended.is_set():
            self.daemon.kill()
            self.kills += 1

    async def pause(self, seconds: float) -> None:
        """Stop the daemon where it stands, and wake it up."""
        daemon = self.daemon
        if daemon is not None:
            daemon.signal(signal.SIGSTOP)
            await asyncio.sleep(seconds)
            daemon.signal(signal.SIGCONT)

    async def jump(self, by: float, seconds: float) -> None:
        """Give the seat a clock that jumps while a daemon works by it."""
        clock = self._stage.folder / f"{self.name}-clock-{next(self._clocks)}"
        self._clock = clock
        clock.write_text("+0\n")
        self.kill()
        await asyncio.sleep(seconds / 2)
        clock.write_text(f"{by:+.0f}\n")
        await asyncio.sleep(seconds / 2)
        if self._clock == clock:
            self._clock = None
            self.kill()

    async def heal(self) -> None:
        """Put everything right that may be wrong with it."""
        self.weather.clear()
        self._rest = 0.0
        if self.daemon is not None:
            self.daemon.signal(signal.SIGCONT)

    async def close(self) -> int | None:
        """Ask the last daemon to stop; answer its exit code."""
        self._closed = True
        if self.daemon is None:
            return None
        self.daemon.signal(signal.SIGTERM)
        await self.daemon.ended.wait()
        return self.daemon.code

    def _time(self) -> dict[str, str]:
        if self._clock is None:
            return {}
        return wrong_calendar(FAKETIME_TIMESTAMP_FILE=str(self._clock), FAKETIME_NO_CACHE="1")
