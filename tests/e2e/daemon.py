"""A daemon process that a test starts, catches, kills and questions."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from tests.daemon_log import DaemonLog
from tests.until import PATIENCE, until

# A machine that is busy with other tests takes long to start a process.
STARTS_WITHIN = 120


class Daemon:
    """One process; ended by its own pid, whatever a test comes to."""

    def __init__(self, command: list[str], env: Mapping[str, str], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._caught = folder / "caught"
        self._log = DaemonLog(folder / "log")
        with self._log.path.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own entry
                command, env={**os.environ, **env, "CAUGHT": str(self._caught)}, stdout=log, stderr=subprocess.STDOUT
            )

    @classmethod
    def start(cls, verb: str, place: str | None, env: Mapping[str, str], folder: Path) -> "Daemon":
        """Start a daemon, to be caught at a place or not."""
        command = [sys.executable, "-m", "tests.e2e.entry", verb, *([place] if place else [])]
        return cls(command, env, folder)

    def text(self) -> str:
        """Read all it has written."""
        return self._log.text()

    def said(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """Find lines of an event that carry some fields."""
        return self._log.said(event, **fields)

    async def url(self) -> str:
        """Wait until it listens, and say where."""

        async def listening() -> str:
            assert self.process.poll() is None, self.text()
            return self._log.url()

        return await until(listening, STARTS_WITHIN)

    async def ready(self) -> "Daemon":
        """Wait until it can do its work."""
        url = await self.url()

        async def is_ready() -> bool:
            async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as answer:
                return answer.status == 200

        await until(is_ready, STARTS_WITHIN)
        return self

    async def caught(self) -> None:
        """Wait until it has reached its place."""

        async def reached() -> bool:
            return self._caught.exists()

        await until(reached, STARTS_WITHIN)

    def kill(self) -> None:
        """Kill it without a word."""
        self.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop and wait until it has."""
        self.signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def signal(self, number: int) -> None:
        """Send it a signal while it lives."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    def end(self) -> None:
        """Leave nothing behind."""
        self.signal(signal.SIGCONT)
        self.kill()
