"""The harness's side of the nursery: daemons started, awaited, struck by their pid."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from tests.daemon_log import DaemonLog

ROOT = Path(__file__).parents[2]


class Daemon:
    """One child of the nursery."""

    def __init__(self, verb: str, pid: int, log: Path) -> None:
        self.verb = verb
        self.pid = pid
        # Its number may be another's once it has ended; this is its own for good.
        self._handle = os.pidfd_open(pid)
        self.code: int | None = None
        self.ended = asyncio.Event()
        self._log = DaemonLog(log)

    def signal(self, number: int) -> None:
        """Send it a signal while it lives."""
        if not self.ended.is_set():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def end(self, code: int) -> None:
        """Note that it has ended."""
        os.close(self._handle)
        self.code = code
        self.ended.set()

    def kill(self) -> None:
        """Kill it without a word."""
        self.signal(signal.SIGKILL)

    def text(self) -> str:
        """Read all it has written."""
        return self._log.text()

    async def url(self) -> str:
        """Wait until it listens, and say where; empty when it ended first."""
        while not self.ended.is_set():
            if url := self._log.url():
                return url
            await asyncio.sleep(0.02)
        return ""


class Nursery:
    """Starts daemons by asking a process that has everything loaded to fork."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = count(1)
        self._waiting: dict[int, tuple[str, Path, asyncio.Future[Daemon]]] = {}
        self._daemons: dict[int, Daemon] = {}

    async def start(
        self,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        log: Path,
        without: str = "",
        path: Sequence[str] = (),
    ) -> Daemon:
        """Start `tellonce` with some arguments, a safeguard taken out of it or none."""
        number = next(self._numbers)
        born: asyncio.Future[Daemon] = asyncio.get_running_loop().create_future()
        self._waiting[number] = arguments[0], log, born
        order = {
            "number": number,
            "arguments": list(arguments),
            "environ": dict(environ),
            "log": str(log),
            "without": without,
            "path": list(path),
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return await born

    async def listen(self) -> None:
        """Take the nursery's news until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            news: Mapping[str, Any] = json.loads(line)
            if "pid" in news:
                verb, log, born = self._waiting.pop(news["number"])
                self._daemons[news["pid"]] = daemon = Daemon(verb, news["pid"], log)
                if not born.cancelled():
                    born.set_result(daemon)
            elif "ended" in news:
                self._daemons.pop(news["ended"]).end(news["code"])


@asynccontextmanager
async def open_nursery() -> AsyncIterator[Nursery]:
    """Open a nursery; leaving it kills what is left of its children."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("TELLONCE_", "DISCORD_"))}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.crash.nursery"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=environ,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert json.loads(await process.stdout.readline()) == {"ready": True}
    nursery = Nursery(process)
    listening = asyncio.create_task(nursery.listen(), name="nursery")
    try:
        yield nursery
    finally:
        process.stdin.close()
        await process.wait()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
