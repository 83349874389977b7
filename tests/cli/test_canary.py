"""`tellonce canary` and `tellonce restored` name what was wrong in one line, and change nothing then."""

from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from telemetry.store.client import Connection
from tests.cli.script import Answer, an_ingest, results
from tests.cli.terminal import Said, tellonce

FILE = """
[canary]
to = "discord:112233445566778955"
"""
UNAUTHORIZED: Answer = (401, {}, {"error": "no known key"})


async def typed(environ: dict[str, str], *words: str) -> Said:
    # In a thread: a verb runs a loop of its own.
    return await anyio.to_thread.run_sync(partial(tellonce, *words, **environ))


async def test_a_key_that_ingest_does_not_take_is_one_line(
    connection: Connection, environ: dict[str, str], bare: Path
) -> None:
    (bare / "tellonce.toml").write_text(FILE)
    with an_ingest([UNAUTHORIZED]) as ingest:
        said = await typed(environ, "canary", "sign_up", "--url", ingest.url, "--key", "wrong")
    assert (2, 1) == (said.code, said.err.count("\n")), said.err
    assert "did not accept the key" in said.err
    assert "wrong" not in said.err
    assert 0 == await connection["canaries"].count_documents({})


async def test_what_ingest_says_of_a_canary_is_passed_on(
    connection: Connection, environ: dict[str, str], bare: Path
) -> None:
    (bare / "tellonce.toml").write_text(FILE)
    with an_ingest([results("rejected", error="canary: unknown field")]) as ingest:
        said = await typed(environ, "canary", "sign_up", "--url", ingest.url, "--json")
    (canary,) = said.value["canaries"]
    assert (1, "ingest", "rejected: canary: unknown field") == (said.code, canary["stage"], canary["said"])
    (sent,) = ingest.bodies[0]
    assert sent["distinct_id"].startswith("canary-")


async def test_with_nothing_quiet_nothing_is_sent(connection: Connection, environ: dict[str, str], bare: Path) -> None:
    (bare / "tellonce.toml").write_text(FILE)
    said = await typed(environ, "canary")
    assert (0, True) == (said.code, "no canary is sent" in said.out)


@pytest.mark.parametrize("since", ["yesterday", "2199-01-01T00:00:00Z"])
async def test_a_backup_was_begun_at_a_time_that_is_past(
    connection: Connection, environ: dict[str, str], since: str
) -> None:
    said = await typed(environ, "restored", "--since", since)
    assert 2 == said.code
    assert f"--since {since}: expected when the backup was begun" in said.err
