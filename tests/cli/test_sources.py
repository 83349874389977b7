"""Sources, as an operator lets them in and ends them."""

import re

import anyio.to_thread
import pytest

from telemetry.core.source import digest_of
from telemetry.store.client import Connection
from telemetry.store.sources import Sources
from tests.cli.terminal import Said, tellonce

Environ = dict[str, str]


async def typed(words: str, environ: Environ, stdin: str = "") -> Said:
    # In a thread: a verb runs a loop of its own.
    return await anyio.to_thread.run_sync(lambda: tellonce(*words.split(), stdin=stdin, **environ))


def secret_in(said: Said) -> str:
    assert said.code == 0, said.err
    (secret,) = re.findall(r"tok_[A-Za-z0-9_-]{43}\b", said.out)
    return str(secret)


async def test_a_source_is_added_with_a_secret_that_is_shown_once(connection: Connection, environ: Environ) -> None:
    said = await typed("sources add web --rate 600/min", environ)
    secret = secret_in(said)
    assert "open to nobody without a secret any more" in said.out
    (stored,) = (await Sources(connection).all()).values()
    assert digest_of(secret) == stored.digests[0].value
    (row,) = (await typed("sources list --json", environ)).value
    assert ("web", "added", "600/min", 1, None) == tuple(
        row[name] for name in ("name", "state", "rate", "secrets", "last_used")
    )
    for words in ("sources list", "sources list --json", "status", "status --json"):
        told = (await typed(words, environ)).out
        assert "web" in told
        assert secret not in told
        assert digest_of(secret) not in told
    assert "the first" not in (await typed("sources add app", environ)).out


async def test_a_rotation_says_how_long_both_are_taken(connection: Connection, environ: Environ) -> None:
    await typed("sources add web", environ)
    said = await typed("sources rotate web", environ)
    assert secret_in(said)
    assert "for 24 h yet" in said.out
    assert "2, the former until" in (await typed("sources list", environ)).out
    assert "for 5 s at most" in (await typed("sources rotate web --overlap 0", environ)).out
    assert 1 == (await typed("sources list --json", environ)).value[0]["secrets"]


@pytest.mark.parametrize("hours", ["nan", "inf", "1e9", "-1"])
async def test_an_overlap_without_end_is_refused_and_changes_nothing(
    connection: Connection, environ: Environ, hours: str
) -> None:
    await typed("sources add web", environ)
    before = (await Sources(connection).all())["web"].digests
    said = await typed(f"sources rotate web --overlap {hours}", environ)
    assert (2, True) == (said.code, "--overlap" in said.err)
    assert before == (await Sources(connection).all())["web"].digests


async def test_a_revoked_source_is_asked_about_and_can_come_back(connection: Connection, environ: Environ) -> None:
    await typed("sources add web", environ)
    await typed("sources add app", environ)
    assert (await typed("sources revoke web", environ, stdin="n\n")).code == 1
    said = await typed("sources revoke web nobody --yes", environ)
    assert (1, "tellonce: nobody: there is no such source; `tellonce sources list` lists them\n") == (
        said.code,
        said.err,
    )
    assert ["added", "added"] == [row["state"] for row in (await typed("sources list --json", environ)).value]
    assert "within 5 s" in (await typed("sources revoke web app --yes", environ)).out
    assert "revoked 2" in (await typed("sources list", environ)).out
    said = await typed("sources rotate web", environ)
    assert (1, True) == (said.code, "`tellonce sources add web`" in said.err)
    assert secret_in(await typed("sources add web", environ))


async def test_a_rate_is_changed_and_taken_away(connection: Connection, environ: Environ) -> None:
    await typed("sources add web", environ)
    assert "at most 20/s" in (await typed("sources limit web 20/s", environ)).out
    assert "20/s" == (await typed("sources list --json", environ)).value[0]["rate"]
    assert "as much as it likes" in (await typed("sources limit web none", environ)).out
    assert (await typed("sources list --json", environ)).value[0]["rate"] is None


async def test_what_cannot_be_is_one_line_and_changes_nothing(connection: Connection, environ: Environ) -> None:
    known = {**environ, "TELLONCE_INGEST_KEYS": "ci:s3cret"}
    assert "there are no sources" in (await typed("sources list", environ)).out
    for words, told in (
        ("sources add open", "expected up to 100 letters"),
        ("sources add a/b", "not 'open', as a name: 'a/b'"),
        ("sources add ci", "TELLONCE_INGEST_KEYS has a source of that name"),
        ("sources add web --rate fast", "rate: expected a number a second, minute or hour, as in 600/min, not 'fast'"),
        ("sources limit web 0/s", "rate: expected"),
    ):
        said = await typed(words, known)
        assert (2, 1, True) == (said.code, said.err.count("\n"), told in said.err), said.err
    assert {} == await Sources(connection).all()
    assert "the first" not in (await typed("sources add web", known)).out
    said = await typed("sources add web", known)
    assert (1, True) == (said.code, "`tellonce sources rotate web`" in said.err)


async def test_a_source_of_the_environment_is_shown_when_it_was_used(connection: Connection, environ: Environ) -> None:
    await Sources(connection).used("ci", connection.clock.now())
    assert "of TELLONCE_INGEST_KEYS" in (await typed("status", environ)).out
    said = await typed("sources rotate ci", environ)
    assert (1, True) == (said.code, "change it there" in said.err)
