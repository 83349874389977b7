"""The processes of `up`."""

import os
import signal
import sys
from pathlib import Path
from random import Random

import anyio
import pytest

from telemetry.cli import child
from telemetry.cli.child import Child
from telemetry.core.backoff import Backoff
from tests.cli.processes import alive
from tests.until import until

WAITS = "import time; print('here', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITS}"


class Ward:
    """A child and what was said of it."""

    def __init__(self, code: str) -> None:
        self.lines: list[str] = []
        command = [sys.executable, "-c", code]
        self.child = Child("ward", command, os.environ, self._say, Random(1))

    def _say(self, name: str, line: str) -> None:
        self.lines.append(line)

    async def is_here(self) -> bool:
        """Say whether it has said that it runs."""
        return "here" in self.lines


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait hardly at all before a restart."""
    monkeypatch.setattr(child, "RESTART", Backoff(first=0.01, cap=0.01))


async def test_its_lines_are_passed_on_and_it_is_stopped() -> None:
    ward = Ward(WAITS)
    async with anyio.create_task_group() as group:
        group.start_soon(ward.child.keep_running)
        await until(ward.is_here)
        await ward.child.stop()

    assert ward.child.pid is None


async def test_one_that_dies_is_started_again_with_a_line() -> None:
    ward = Ward(WAITS)
    async with anyio.create_task_group() as group:
        group.start_soon(ward.child.keep_running)
        await until(ward.is_here)
        assert ward.child.pid is not None
        os.kill(ward.child.pid, signal.SIGKILL)

        async def twice() -> bool:
            return ward.lines.count("here") == 2

        await until(twice)
        await ward.child.stop()

    assert any("ward was ended by SIGKILL; it is started again" in line for line in ward.lines)


async def test_one_that_was_told_something_wrong_is_tried_again_as_it_may_be_mended_meanwhile(bare: Path) -> None:
    mended = bare / "mended"
    ward = Ward(f"import os\nif not os.path.exists({str(mended)!r}): raise SystemExit(2)\n{WAITS}")

    async def complained() -> bool:
        return any("ward cannot run like this, its line above says why" in line for line in ward.lines)

    async with anyio.create_task_group() as group:
        group.start_soon(ward.child.keep_running)
        await until(complained)
        mended.touch()
        await until(ward.is_here)
        await ward.child.stop()


async def test_one_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "GRACE", 0.2)
    ward = Ward(STUBBORN)
    async with anyio.create_task_group() as group:
        group.start_soon(ward.child.keep_running)
        await until(ward.is_here)
        await ward.child.stop()

    assert "ward does not end within 0.2 s and is killed" in ward.lines


async def test_a_child_never_outlives_its_parent() -> None:
    parent = f"""
import asyncio, os, random, sys
from telemetry.cli.child import Child
command = [sys.executable, "-c", {WAITS!r}]
child = Child("c", command, os.environ, lambda name, line: print(child.pid, flush=True), random.Random())
asyncio.run(child.keep_running())
"""
    async with await anyio.open_process([sys.executable, "-c", parent]) as process:
        assert process.stdout is not None
        pid = int(await process.stdout.receive())
        process.kill()
        await process.wait()

    async def gone() -> bool:
        """Say whether the child has ended too."""
        return not alive(pid)

    await until(gone)
