import signal
import subprocess
import sys
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
