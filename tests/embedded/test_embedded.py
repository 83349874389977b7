import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from telemetry.cli import embedded
from telemetry.cli.embedded import start_embedded_server
from telemetry.core.errors import ConfigurationError
from telemetry.store.client import connect
from telemetry.store.events import Events
from tests.facts import an_event
from tests.until import until


async def test_what_was_acknowledged_is_there_after_a_kill_and_a_restart_on_the_same_port(tmp_path: Path) -> None:
    with start_embedded_server(tmp_path / "db") as server:
        first = server.uri
        async with connect(server.uri, "t") as connection:
            await Events(connection).insert([an_event()])
        server.kill()
        server.restart()
        assert first == server.uri
        async with connect(server.uri, "t") as connection:
            assert await Events(connection).get("sign_up:u1")


async def test_a_second_start_keeps_the_data(tmp_path: Path) -> None:
    for _ in range(2):
        with start_embedded_server(tmp_path / "db") as server:
            async with connect(server.uri, "t") as connection:
                await Events(connection).insert([an_event()])
                assert 1 == await Events(connection).estimate()


def test_a_second_server_on_the_same_data_gets_one_line(tmp_path: Path) -> None:
    with (
        start_embedded_server(tmp_path / "db"),
        pytest.raises(ConfigurationError, match=r"another process uses this data") as caught,
        start_embedded_server(tmp_path / "db"),
    ):
        pass
    assert "\n" not in str(caught.value)


def test_a_missing_program_gets_one_line_with_the_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "PROGRAM", "no-such-program")
    with (
        pytest.raises(ConfigurationError, match=r"tellonce\[embedded\].*TELLONCE_MONGODB_URI"),
        start_embedded_server(None),
    ):
        pass
    monkeypatch.setattr(embedded, "PYTHONS", ("3.2",))
    with pytest.raises(ConfigurationError, match=r"no wheel for Python"), start_embedded_server(tmp_path):
        pass


def test_a_folder_that_cannot_be_one_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "db").touch()
    with pytest.raises(ConfigurationError, match=r"db: no folder to keep"), start_embedded_server(tmp_path / "db"):
        pass


def test_a_port_that_is_taken_gets_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigurationError, match=rf"127\.0\.0\.1:{port} is taken"),
            start_embedded_server(tmp_path / "db", port),
        ):
            pass


def test_what_the_server_says_is_kept_beside_its_data(tmp_path: Path) -> None:
    with start_embedded_server(tmp_path / "db") as server:
        port = server.port
    assert f"listening on 127.0.0.1:{port}" in (tmp_path / "db" / "server.log").read_text()


def test_a_log_that_cannot_be_written_does_not_hold_up_the_server(tmp_path: Path) -> None:
    (tmp_path / "db" / "server.log").mkdir(parents=True)
    with start_embedded_server(tmp_path / "db") as server:
        assert server.running


def test_a_start_that_takes_too_long_gets_one_line_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "STARTED", "never said")
    monkeypatch.setattr(embedded, "START_SECONDS", 0.2)
    before = servers_of(os.getpid())
    with pytest.raises(ConfigurationError, match=r"did not start within 0.2 s"), start_embedded_server(None):
        pass
    assert before == servers_of(os.getpid())


STARTER = """
import signal, sys
from telemetry.cli import embedded
# Whoever runs this in the background of a shell may have it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
embedded.STARTED = "never said"
try:
    with embedded.start_embedded_server(None):
        pass
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.stdin.read()
"""


async def test_ctrl_c_during_the_start_leaves_nothing() -> None:
    command = [sys.executable, "-c", STARTER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:  # noqa: ASYNC220, S603
        assert starter.stdout is not None

        async def is_starting() -> bool:
            # A second thread reads what the server says: from then on the starter is waiting for it.
            threads = list(Path(f"/proc/{starter.pid}/task").iterdir())  # noqa: ASYNC240
            return bool(servers_of(starter.pid)) and len(threads) > 1

        await until(is_starting)
        starter.send_signal(signal.SIGINT)
        assert b"interrupted\n" == starter.stdout.readline()
        assert not servers_of(starter.pid)


def servers_of(parent: int) -> set[int]:
    """The embedded servers that a process has started and that live."""
    found = set[int]()
    for task in Path(f"/proc/{parent}/task").iterdir():
        for child in (task / "children").read_text().split():
            with suppress(FileNotFoundError):  # it has ended meanwhile
                if embedded.PROGRAM.encode() in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.add(int(child))
    return found


PARENT = """
from telemetry.cli.embedded import start_embedded_server
with start_embedded_server(None) as server:
    print(server.pid, flush=True)
    input()
"""


async def test_it_does_not_outlive_its_parent() -> None:
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:  # noqa: ASYNC220, S603
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)

    async def is_gone() -> bool:
        try:
            return Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z"  # noqa: ASYNC240
        except FileNotFoundError:
            return True

    await until(is_gone)
