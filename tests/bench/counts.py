"""Asking a counting daemon what it has counted."""

import json
import signal
from dataclasses import dataclass
from pathlib import Path

from tests.bench.tally import Counts, difference, together
from tests.e2e.daemon import Daemon
from tests.until import until


@dataclass(frozen=True)
class CountedDaemon:
    """A daemon, and where it writes its counts."""

    daemon: Daemon
    file: Path

    async def counts(self) -> Counts:
        """Ask it for its counts up to now."""
        self.file.unlink(missing_ok=True)
        self.daemon.signal(signal.SIGUSR1)

        async def written() -> bool:
            """The daemon has written its counts."""
            assert self.daemon.process.poll() is None, self.daemon.text()
            return self.file.exists()

        await until(written, every=0.01)
        counts: Counts = json.loads(self.file.read_text())
        return counts


async def counts_of(daemons: list[CountedDaemon]) -> Counts:
    """Ask several daemons, and add up."""
    return together([await counted.counts() for counted in daemons])


class Window:
    """What some daemons ask of the database from one moment on."""

    def __init__(self, daemons: list[CountedDaemon], before: Counts) -> None:
        self._daemons = daemons
        self._before = before

    @classmethod
    async def open(cls, daemons: list[CountedDaemon]) -> "Window":
        """Begin to count."""
        return cls(daemons, await counts_of(daemons))

    async def close(self) -> Counts:
        """Say what was counted since."""
        return difference(await counts_of(self._daemons), self._before)
