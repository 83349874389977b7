"""`tellonce up` as a process, and what is seen of it from outside."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import anyio.to_thread

from telemetry.cli.premises import DIRECTORY, Running, running_here
from tests.cli.processes import command_lines
from tests.until import until

ANY_PORTS = {f"TELLONCE_{name}_PORT": "0" for name in ("INGEST", "WATCH", "BOT", "COURIER")}
CHANNEL = "112233445566778899"
SIGN_UP = {"event": "sign_up", "distinct_id": "u42", "properties": {"plan": "pro"}}


class Stage:
    """A running `up`."""

    def __init__(self, folder: Path, *words: str, **environ: str) -> None:
        self.folder = folder
        bare = {name: value for name, value in os.environ.items() if not name.startswith(("TELLONCE_", "DISCORD_"))}
        self._path = folder / f"up-{token_hex(4)}.log"
        self._log = self._path.open("wb")
        self.process = subprocess.Popen(  # noqa: S603 - this very Python
            [sys.executable, "-m", "telemetry.cli.main", "up", "--simulator-port", "0", *words],
            cwd=folder,
            env={**bare, **ANY_PORTS, **environ},
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    async def running(self) -> Running:
        """Wait until other verbs can find it; its daemons may still be starting."""

        async def found() -> bool:
            return running_here(self.folder / DIRECTORY) is not None

        await until(found)
        running = running_here(self.folder / DIRECTORY)
        assert running is not None, self.said
        return running

    @property
    def said(self) -> str:
        """Everything it has printed."""
        return self._path.read_text(encoding="utf-8")

    async def ready(self) -> Running:
        """Wait until it says where everything is."""

        async def up_or_ended() -> bool:
            return "tellonce is up" in self.said or self.process.poll() is not None

        await until(up_or_ended)
        running = running_here(self.folder / DIRECTORY)
        assert running is not None, self.said
        return running

    async def complains(self) -> bool:
        """Say whether one of its daemons cannot run as it is told to."""
        return "cannot run like this" in self.said

    def children(self) -> dict[str, int]:
        """Name the processes that it started."""
        found = {}
        for pid, words in command_lines(self.process.pid).items():
            for name in ("ingest", "watch", "bot", "courier", "simulator", "secantusd"):
                if f"main {name}" in words or f"bot.{name}" in words or f"{name}-py" in words:
                    found[name] = pid
        return found

    async def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Signal its whole process group, as a terminal does, and wait for the end."""
        os.killpg(self.process.pid, number)
        return await anyio.to_thread.run_sync(self.process.wait, 60)

    def end(self) -> None:
        """End it however it stands."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._log.close()


@contextmanager
def up(folder: Path, *words: str, **environ: str) -> Iterator[Stage]:
    """Run `up` in a folder."""
    stage = Stage(folder, *words, **environ)
    try:
        yield stage
    finally:
        stage.end()


def post(ingest: str, event: dict[str, Any]) -> Any:
    """Post an event, as the printed `curl` line does."""
    request = Request(f"{ingest}/ingest", json.dumps(event).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urlopen(request, timeout=20) as response:  # noqa: S310 - loopback
        return json.load(response)


async def messages(simulator: str | None) -> list[Any]:
    """Read what was posted to the simulated Discord."""

    def read() -> list[Any]:
        try:
            with urlopen(f"{simulator}/_sim/messages?channel={CHANNEL}", timeout=5) as response:  # noqa: S310
                found: list[Any] = json.load(response)
                return found
        except URLError:
            return []

    return await anyio.to_thread.run_sync(read)
