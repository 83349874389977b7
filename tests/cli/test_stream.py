"""A stream is sent as it comes, and ends in good order when it is told to."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.script import Script, an_ingest
from tests.until import PATIENCE, until


@contextmanager
def sending(ingest: Script) -> Iterator[subprocess.Popen[bytes]]:
    """Send a stream that stays open."""
    command = [sys.executable, "-m", "telemetry.cli.main", "send", "-", "--url", ingest.url, "--json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as verb:  # noqa: S603 - ours
        try:
            yield verb
        finally:
            verb.kill()


def write(verb: subprocess.Popen[bytes], *names: str) -> None:
    """Write events into the stream."""
    assert verb.stdin is not None
    for name in names:
        verb.stdin.write(json.dumps({"event": "sign_up", "distinct_id": name}).encode() + b"\n")
    verb.stdin.flush()


def sent(ingest: Script) -> list[str]:
    """Name what has come to ingest."""
    return [event["distinct_id"] for body in ingest.bodies for event in body]


async def test_what_has_come_is_sent_though_more_may_follow() -> None:
    with an_ingest() as ingest, sending(ingest) as verb:
        for number in range(3):
            write(verb, f"u{number}")

            async def all_sent(number: int = number) -> bool:
                """It has all that was written."""
                return sent(ingest) == [f"u{n}" for n in range(number + 1)]

            await until(all_sent)


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
async def test_told_to_end_it_sends_what_was_written_and_says_what_became_of_it(told: signal.Signals) -> None:
    with an_ingest() as ingest, sending(ingest) as verb:
        write(verb, "u0")

        async def begun() -> bool:
            """It reads."""
            return bool(sent(ingest))

        await until(begun)
        names = [f"u{n}" for n in range(700)]
        write(verb, *names[1:])
        verb.send_signal(told)
        assert 0 == verb.wait(PATIENCE)
        assert names == sent(ingest)
        assert verb.stdout is not None
        assert 700 == json.loads(verb.stdout.read())["accepted"]


async def test_told_twice_it_ends_at_once() -> None:
    with an_ingest([(503, {"Retry-After": "60"}, {})]) as ingest, sending(ingest) as verb:
        write(verb, "u0")

        async def refused() -> bool:
            """It waits for an ingest that takes it."""
            return bool(ingest.bodies)

        await until(refused)
        verb.send_signal(signal.SIGINT)

        async def ended() -> bool:
            """It has ended, told again and again."""
            verb.send_signal(signal.SIGINT)
            return verb.poll() is not None

        await until(ended)
        assert 0 != verb.returncode


async def test_what_is_no_json_is_one_line() -> None:
    with an_ingest() as ingest, sending(ingest) as verb:
        assert verb.stdin is not None
        verb.stdin.write(b"[oops")
        verb.stdin.close()
        assert 2 == verb.wait(PATIENCE)
        assert verb.stderr is not None
        assert verb.stderr.read().startswith(b"tellonce: the input is neither JSON")
