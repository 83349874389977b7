"""Everything on one machine, from an empty directory."""

import os
import signal
import socket
from pathlib import Path

import anyio.to_thread
import pytest

from tests.cli.processes import alive
from tests.cli.stage import SIGN_UP, messages, post, up
from tests.cli.terminal import tellonce
from tests.until import until

KILLED = ("watch", "bot", "secantusd")


async def test_a_fact_posted_in_an_empty_directory_shows_in_discord_once_and_is_kept(bare: Path) -> None:
    with up(bare) as stage:
        running = await stage.ready()
        assert post(running.ingest, SIGN_UP)["accepted"] == 1
        (message,) = await until(lambda: messages(running.simulator))
        assert "u42" in str(message)
        assert await stage.stop() == 0

        assert f"curl {running.ingest}/ingest" in stage.said
        assert "tellonce.toml was written" in stage.said
        assert "beta engine" in stage.said
        assert "Traceback" not in stage.said

    with up(bare) as stage:
        running = await stage.ready()
        assert post(running.ingest, SIGN_UP)["duplicates"] == 1
        assert await messages(running.simulator) == [message]
        assert await stage.stop(signal.SIGTERM) == 0


@pytest.mark.slow
async def test_a_daemon_that_is_killed_is_started_again_and_nothing_outlives_up(bare: Path) -> None:
    with up(bare) as stage:
        running = await stage.ready()
        first = stage.children()
        assert set(first) == {"ingest", "watch", "bot", "courier", "simulator", "secantusd"}
        for name in KILLED:
            os.kill(first[name], signal.SIGKILL)

        async def back() -> bool:
            """Say whether other processes have taken the killed ones' places."""
            now = stage.children()
            return set(now) == set(first) and all(now[name] != first[name] for name in KILLED)

        await until(back)

        # The whole chain works again.
        await until(lambda: takes(running.ingest))
        await until(lambda: messages(running.simulator))

        children = stage.children().values()
        os.kill(stage.process.pid, signal.SIGKILL)

        async def gone() -> bool:
            """Say whether all its processes have ended too."""
            return not any(map(alive, children))

        await until(gone)


@pytest.mark.slow
async def test_a_changed_key_keeps_ingest_waiting_until_it_is_applied(bare: Path) -> None:
    with up(bare) as stage:
        assert post((await stage.ready()).ingest, SIGN_UP)["accepted"] == 1
        await stage.stop()
    with (bare / "tellonce.toml").open("a", encoding="utf-8") as file:
        file.write('[types.sign_up]\nkey = ["distinct_id", "properties.plan"]\n')

    with up(bare) as stage:
        running = await stage.running()
        await until(stage.complains)
        done = await anyio.to_thread.run_sync(lambda: tellonce("keys", "apply", "--settle", "0"))
        assert done.code == 0
        await until(lambda: takes(running.ingest))

        assert post(running.ingest, SIGN_UP)["duplicates"] == 1


async def takes(ingest: str) -> bool:
    """Say whether an event is taken."""
    try:
        return bool(post(ingest, SIGN_UP))
    except OSError:
        return False


@pytest.mark.slow
async def test_a_second_up_in_the_same_directory_is_one_line(bare: Path) -> None:
    with up(bare) as first:
        await first.ready()
        with up(bare) as second:
            assert await until(lambda: ended(second.process.poll)) == 2

        assert "`tellonce up` is running in this directory already" in second.said


async def ended(poll: object) -> int | None:
    """Give the exit code of a process that has ended."""
    assert callable(poll)
    code: int | None = poll()
    return code


async def test_a_taken_port_is_one_line_naming_the_setting(bare: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with up(bare, TELLONCE_INGEST_PORT=port) as stage:
            assert await until(lambda: ended(stage.process.poll)) == 2

    assert f"tellonce: TELLONCE_INGEST_PORT: cannot listen on 127.0.0.1:{port}" in stage.said
    assert "Traceback" not in stage.said


async def test_a_broken_file_starts_nothing(bare: Path) -> None:
    (bare / "tellonce.toml").write_text('[[discord.routes]]\nevents = ["*"]\nchannel = "nowhere"\ntitle = "x"\n')

    with up(bare) as stage:
        assert await until(lambda: ended(stage.process.poll)) == 2

    assert 'discord.routes#1.channel: unknown channel "nowhere"' in stage.said
    assert "database" not in stage.said


async def test_with_a_token_the_file_must_name_real_channels(bare: Path) -> None:
    with up(bare, DISCORD_TOKEN="a-token") as stage:
        assert await until(lambda: ended(stage.process.poll)) == 2

    assert "tellonce.toml was written: put your channel's id there" in stage.said


@pytest.mark.slow
async def test_what_is_to_follow_runs_once_everything_is_up_and_finds_it(bare: Path) -> None:
    with up(bare, "--then", "sh -c 'tellonce send sign_up u42; tellonce status; exit 7'") as stage:
        running = await stage.ready()
        await until(lambda: messages(running.simulator))

        async def ended() -> bool:
            return "then ended with code 7" in stage.said

        await until(ended)
        assert "1 accepted" in stage.said
        assert await stage.stop() == 0
