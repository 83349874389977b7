"""On a terminal a verb asks before it touches many, and shows how far it is."""

import os
import subprocess
import sys
from collections.abc import Sequence

import anyio.to_thread
import pytest

from telemetry.core.delivery import Signal, State
from telemetry.store.client import Connection
from telemetry.store.operations import Operations
from tests.cli.test_verbs import Environ
from tests.ops.deployment import CONSUMER, Deployment


def typed(words: Sequence[str], environ: Environ, answer: str) -> tuple[int, str]:
    """Type a command at a terminal, answer what it asks, and read what is on the screen."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "telemetry.cli.main", *words]
    bare = {name: value for name, value in os.environ.items() if not name.startswith("TELLONCE_")}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=bare | environ) as process:  # noqa: S603
        os.close(theirs)
        os.write(ours, answer.encode())
        screen = b""
        while True:
            try:
                screen += (read := os.read(ours, 4096))
            except OSError:
                # How a terminal says that nobody is left at its other end.
                break
            if not read:
                break
        code = process.wait(30)
    os.close(ours)
    return code, screen.decode()


@pytest.mark.parametrize(("answer", "code", "state"), [("n\n", 1, State.DEAD), ("y\n", 0, State.PENDING)])
async def test_a_retry_of_several_asks(
    connection: Connection, environ: Environ, answer: str, code: int, state: State
) -> None:
    made = Deployment(connection)
    await made.registry.register(CONSUMER)
    rows = await made.take_over(await made.accept("sign_up:u1", "sign_up:u2"))
    await made.queue.settle([(row.id, 0) for row in rows], Signal.GIVE_UP, reason="refused")

    ended, screen = await anyio.to_thread.run_sync(typed, ["retry", "--dead"], environ, answer)

    assert (code, "Try 2 deliveries again?" in screen) == (ended, True)
    assert {state} == {row.state for row in await made.queue.fetch([row.id for row in rows])}
    assert (answer == "y\n") == ("pending again" in screen)


async def test_a_replay_of_several_asks_and_does_nothing_where_it_is_not_wanted(
    connection: Connection, environ: Environ
) -> None:
    made = Deployment(connection)
    await made.registry.register(CONSUMER)
    await made.told("sign_up:u1", "sign_up:u2")

    words = ["replay", "--type", "sign_up", "--reason", "wiped"]
    ended, screen = await anyio.to_thread.run_sync(typed, words, environ, "n\n")

    assert (1, True) == (ended, "2 deliveries will be told once more, as new messages. Go on?" in screen)
    assert [] == await Operations(connection).latest(9)
