"""A child process of `up`: started, kept running, its log passed on, and stopped."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable, Mapping, Sequence
from random import Random

import anyio

from telemetry.cli.embedded import die_with_parent
from telemetry.core.backoff import Backoff

RESTART = Backoff(first=0.5, cap=30.0)
SETTLED_AFTER = 60.0
# A daemon lets the answers under way finish (10 s) and gives its leases back.
GRACE = 20.0
WRONG_USE = 2
LONGEST_LINE = 1024 * 1024

Say = Callable[[str, str], None]


class Child:
    """One process that is started again whenever it ends, until it is stopped."""

    def __init__(self, name: str, command: Sequence[str], environ: Mapping[str, str], say: Say, chance: Random) -> None:
        self.name = name
        self._command = command
        self._environ = environ
        self._say = say
        self._chance = chance
        self._process: Process | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def keep_running(self) -> None:
        """Run until stopped, again after each end."""
        failures = 0
        while not self._stopping:
            began = anyio.current_time()
            code = await self._run()
            if self._stopping:
                break
            failures = 1 if anyio.current_time() - began > SETTLED_AFTER else failures + 1
            pause = RESTART.delay(failures, self._chance)
            self._say(self.name, f"{self.name} {_ending(code)}; it is started again in {pause:.1f} s")
            await anyio.sleep(pause)

    async def run_once(self) -> None:
        """Run it to its end, and say so where that is no good one."""
        code = await self._run()
        if code and not self._stopping:
            self._say(self.name, f"{self.name} {_ending(code)}")

    async def _run(self) -> int:
        # A session of its own: Ctrl-C on the terminal reaches `up` alone, which stops its children in order.
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            env=self._environ,
            limit=LONGEST_LINE,
            start_new_session=True,
            # Were `up` killed outright, nobody would be left to stop this process.
            preexec_fn=die_with_parent,
        )
        if self._stopping:
            self._signal(signal.SIGTERM)
        await self._pass_on(self._process)
        return await self._process.wait()

    async def _pass_on(self, process: Process) -> None:
        while process.stdout is not None:
            try:
                line = await process.stdout.readline()
            except ValueError:  # longer than any line of ours: what is left of it follows
                continue
            if not line:
                return
            self._say(self.name, line.decode("utf-8", "replace").rstrip())

    async def stop(self) -> None:
        """Ask the process to settle and end; end it after a while."""
        self._stopping = True
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        with anyio.move_on_after(GRACE):
            await self._process.wait()
            return
        self._say(self.name, f"{self.name} does not end within {GRACE:g} s and is killed")
        self.kill()
        await self._process.wait()

    def kill(self) -> None:
        """End the process at once."""
        self._stopping = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.pid is not None:
            self._process.send_signal(number)


def _ending(code: int) -> str:
    # It is tried again all the same: what mends it may need the rest running, as `tellonce keys apply` does.
    if code == WRONG_USE:
        return "cannot run like this, its line above says why"
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def python(*arguments: str) -> list[str]:
    """Spell a command of this very Python."""
    return [sys.executable, "-m", *arguments]


def environment(**changes: str | None) -> dict[str, str]:
    """Give this process's environment with changes; None takes a variable out."""
    merged = {**os.environ, "PYTHONUNBUFFERED": "1", **changes}
    return {name: value for name, value in merged.items() if value is not None}
