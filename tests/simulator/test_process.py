"""The simulator as a process of its own."""

import asyncio
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from bot.simulator.__main__ import read


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_where_it_listens_and_stops_on_a_signal(number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.simulator", "--channel", "7=lucky", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout
        line = (await process.stdout.readline()).decode().strip()
        assert line.startswith("simulator listening on http://127.0.0.1:")
        async with (
            aiohttp.ClientSession() as session,
            session.get(line.rpartition(" ")[2] + "/_sim/channels") as answer,
        ):
            (channel,) = await answer.json()
            assert (channel["id"], channel["name"]) == ("7", "lucky")
        process.send_signal(number)
        rest, _ = await asyncio.wait_for(process.communicate(), 5)
        assert (process.returncode, rest) == (0, b"")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_the_command_line_is_read(tmp_path: Path) -> None:
    settings = read(
        [
            *(["--host", "::1", "--port", "9", "--token", "T", "--channel", "1=a", "--channel", "2=b", "--no-limits"]),
            *(["--nonce-window", "5", "--state"]),
            f"{tmp_path}/s",
        ]
    )
    assert (settings.host, settings.port, settings.token, settings.limits) == ("::1", 9, "T", False)
    assert (dict(settings.channels), settings.nonce_window, settings.state) == ({1: "a", 2: "b"}, 5.0, tmp_path / "s")


@pytest.mark.parametrize("channel", ["7", "x=y", "7="])
def test_a_misspelt_channel_is_refused(channel: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read(["--channel", channel])
    assert "ID=NAME" in capsys.readouterr().err
