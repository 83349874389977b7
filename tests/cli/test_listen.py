"""A receiver on this machine, as a process."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import anyio.to_thread
import psutil
import pytest

from telemetry.store.client import Connection
from telemetry.store.endpoints import Endpoints
from tests.cli.terminal import tellonce
from tests.receiver import SECRET
from tests.until import until

HERE = {"TELLONCE_WEBHOOK_ALLOW": "127.0.0.0/8"}


class Listening:
    """A running `tellonce listen`."""

    def __init__(self, log: Path, *words: str) -> None:
        self._log = log
        with log.open("wb") as output:
            command = [sys.executable, "-u", "-m", "telemetry.cli.main", "listen", "--port", "0", *words]
            self.process = subprocess.Popen(command, stdout=output, stderr=output)  # noqa: S603

    @property
    def said(self) -> str:
        """All it has printed."""
        return self._log.read_text()

    async def url(self) -> str:
        """Wait until it says where it listens."""

        async def says() -> str:
            assert self.process.poll() is None, self.said
            return next((word.rstrip(";") for word in self.said.split() if word.startswith("http://")), "")

        return await until(says)


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Listening]:
    made = Listening(tmp_path / "listen.log")
    yield made
    made.process.kill()
    made.process.wait()


async def test_it_says_how_to_be_told_verifies_and_shows(
    listening: Listening, connection: Connection, environ: dict[str, str]
) -> None:
    url = await listening.url()

    async def explained() -> list[str]:
        return [line for line in listening.said.splitlines() if "tellonce webhooks add" in line]

    (line,) = await until(explained)
    words = line.partition("tellonce ")[2].split()

    async def typed(*words: str) -> int:
        return (await anyio.to_thread.run_sync(lambda: tellonce(*words, **environ, **HERE))).code

    assert 0 == await typed(*words)
    assert 0 == await typed("webhooks", "test", "here")
    assert "here" in await Endpoints(connection).all()
    assert "verified" in listening.said
    assert '"type": "tellonce.test"' in listening.said

    request = Request(url, b"{}", {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,abc"})  # noqa: S310
    with pytest.raises(HTTPError, match="401") as told:
        await anyio.to_thread.run_sync(lambda: urlopen(request, timeout=5))  # noqa: S310
    told.value.close()
    assert "refused" in listening.said
    assert "Traceback" not in listening.said
    listening.process.send_signal(signal.SIGINT)
    assert 0 == await anyio.to_thread.run_sync(lambda: listening.process.wait(20))


async def test_for_a_program_it_prints_a_line_of_json_each_and_answers_as_told(
    tmp_path: Path, connection: Connection, environ: dict[str, str]
) -> None:
    made = Listening(tmp_path / "listen.log", "--json", "--secret", SECRET, "--status", "500")
    try:
        port = await until(lambda: listening_port(made.process.pid))
        words = ("webhooks", "add", "here", f"http://127.0.0.1:{port}/", "--secret", SECRET)
        assert 0 == (await anyio.to_thread.run_sync(lambda: tellonce(*words, **environ, **HERE))).code
        done = await anyio.to_thread.run_sync(lambda: tellonce("webhooks", "test", "here", **environ, **HERE))
        assert 1 == done.code
        told = [json.loads(line) for line in made.said.splitlines()]
    finally:
        made.process.kill()
        made.process.wait()
    assert ["verified", "verified, for the 2nd time", "verified, for the 3rd time"] == [one["verdict"] for one in told]
    assert 1 == len({one["id"] for one in told})


async def listening_port(pid: int) -> int:
    """Find where a process listens."""
    found = psutil.Process(pid).net_connections("tcp")
    return next((one.laddr.port for one in found if one.status == psutil.CONN_LISTEN), 0)
