"""Every command of the README runs."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from telemetry.runtime.config import parse_config
from tests.until import until

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BIN = Path(sys.executable).parent
# These make or measure the whole project: CI runs them, and the test below sees that it does.
WHOLE = ("make test",)
PORTS = {
    "TELLONCE_INGEST_PORT": 8080,
    "TELLONCE_WATCH_PORT": 8081,
    "TELLONCE_BOT_PORT": 8082,
    "TELLONCE_COURIER_PORT": 8084,
}
SIMULATOR = 8083


def commands() -> list[str]:
    """List every line of every shell block."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


class Reader:
    """Somebody who tries what the README says, in a checkout of their own."""

    def __init__(self, folder: Path) -> None:
        for name in ("Makefile", "pyproject.toml", "requirements.lock", "tellonce.toml"):
            (folder / name).symlink_to(ROOT / name)
        (folder / ".venv").symlink_to(BIN.parent)
        self.folder = folder
        self.ports = {name: free_port() for name in PORTS} | {"simulator": free_port()}
        ports = {name: str(self.ports[name]) for name in PORTS}
        path = f"{BIN}:{os.environ['PATH']}"
        plain = {
            name: value for name, value in os.environ.items() if not name.startswith(("TELLONCE_", "DISCORD_", "MAKE"))
        }
        self.env = plain | ports | {"PATH": path}

    def here(self, command: str) -> str:
        """Put this reader's ports into a command."""
        for name, port in (PORTS | {"simulator": SIMULATOR}).items():
            command = command.replace(f":{port}", f":{self.ports[name]}")
        return command

    @contextmanager
    def up(self, command: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run `make up` in the foreground of a terminal of its own."""
        # The environment that the tests run in is the one that make would build.
        words = [*command.split(), "-o", ".venv/ready", f"UP=--simulator-port {self.ports['simulator']}"]
        with (self.folder / "up.log").open("wb") as log:
            up = subprocess.Popen(  # noqa: S603
                words, cwd=self.folder, env=self.env, stdout=log, stderr=log, start_new_session=True
            )
        try:
            yield up
        finally:
            if up.poll() is None:
                os.killpg(up.pid, signal.SIGKILL)
            up.wait()

    async def ready(self) -> None:
        """Wait until it says that it is up."""

        async def said() -> bool:
            return "tellonce is up" in self.log()

        await until(said)

    def log(self) -> str:
        """Read what `make up` has printed."""
        return (self.folder / "up.log").read_text(errors="replace")

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as it stands, in the second terminal."""
        return subprocess.run(  # noqa: S602 - as the reader's shell would
            self.here(command),
            shell=True,
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_every_command_runs_and_the_page_shows_the_post(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    first, *others = [command for command in commands() if command not in WHOLE]
    assert "make up" == first
    with reader.up(first) as up:
        await reader.ready()
        for command in others:
            done = reader.run(command)
            assert 0 == done.returncode, f"{command}\n{done.stdout}\n{done.stderr}\n{reader.log()}"
            assert "Traceback" not in done.stderr

        async def posted() -> bool:
            return "u42" in shown(reader) and "u44" in shown(reader)

        await until(posted)
        again = reader.run(next(command for command in others if command.startswith("curl")))
        assert 1 == json.loads(again.stdout)["duplicates"]
        os.killpg(up.pid, signal.SIGINT)
        up.wait(30)
        assert "stopped" in reader.log()
        assert "Traceback" not in reader.log()


def shown(reader: Reader) -> str:
    """Read what the simulated Discord holds."""
    channel = tomllib.loads((ROOT / "tellonce.toml").read_text())["discord"]["channels"]["community"]
    url = f"http://127.0.0.1:{reader.ports['simulator']}/_sim/messages?channel={channel}"
    with urlopen(url) as answer:
        return str(answer.read())


@pytest.mark.parametrize("target", ["test", "slow", "bench", "matrix", "torture", "wheel", "help"])
def test_every_target_that_is_named_can_be_made(target: str) -> None:
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607
    assert 0 == done.returncode, done.stderr


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci/run").read_text()
    assert all(command in commands() and re.search(rf"^{command}$", script, re.MULTILINE) for command in WHOLE)


def test_the_example_configuration_is_one() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert "community" in parse_config(example).section("discord")["channels"]


def test_every_setting_in_the_table_exists() -> None:
    from telemetry.runtime.settings import Settings  # noqa: PLC0415

    table = README.partition("## Settings")[2].partition("## ")[0]
    named = re.findall(
        r"`([A-Z_]+)`", "".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    )
    assert named
    assert set(map(str.lower, named)) <= set(Settings.model_fields)
