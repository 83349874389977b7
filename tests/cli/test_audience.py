"""`tellonce audience`, as it is typed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from telemetry.store.client import Connection
from tests.cli.terminal import Said, tellonce

Environ = dict[str, str]
GUILDS = """\
# our guilds
discord:112233445566778899   # general
discord:112233445566778900

discord:112233445566778899
webhook:crm
"""
ROUTE = """
[[discord.routes]]
events = ["sign_up"]
audiences = ["all"]
title = "Welcome"
"""


async def typed(words: str, environ: Environ, stdin: str = "") -> Said:
    # In a thread: a verb runs a loop of its own.
    return await anyio.to_thread.run_sync(lambda: tellonce(*words.split(), stdin=stdin, **environ))


async def test_an_audience_is_set_listed_and_shown_as_it_is_set(
    connection: Connection, environ: Environ, bare: Path
) -> None:
    assert "there are no audiences" in (await typed("audience list", environ)).out
    (bare / "guilds.txt").write_text(GUILDS)

    said = await typed("audience set guilds guilds.txt", environ)
    assert (0, "guilds has 3 members, 1 duplicate folded (version 1)\n") == (said.code, said.out)
    said = await typed("audience set all -", environ, "audience:guilds\ndiscord-user:112233445566778899\n")
    assert "all has 1 member and 1 audience in it (version 1)\n" == said.out

    assert "guilds" in (await typed("audience list", environ)).out
    listed = (await typed("audience list --json", environ)).value
    assert [("all", 1, ["guilds"]), ("guilds", 3, [])] == [
        (one["name"], one["count"], one["includes"]) for one in listed
    ]

    shown = (await typed("audience show all", environ)).out
    assert ["audience:guilds", "discord-user:112233445566778899"] == shown.splitlines()[1:]
    assert "version 2" in (await typed("audience set all -", environ, shown)).out


async def test_an_audience_is_shown_with_all_that_it_includes(connection: Connection, environ: Environ) -> None:
    await typed("audience set guilds -", environ, GUILDS)
    await typed("audience set all -", environ, "audience:guilds\nwebhook:crm\n")

    flat = (await typed("audience show all --flat", environ)).out
    assert ["discord:112233445566778899", "discord:112233445566778900", "webhook:crm"] == flat.splitlines()[1:]
    whole = (await typed("audience show all --flat --json", environ)).value
    assert flat.splitlines()[1:] == whole["members"]
    own = (await typed("audience show all --json", environ)).value
    assert (["webhook:crm"], ["guilds"], 1) == (own["members"], own["includes"], own["count"])
    await typed("audience set none - --empty", environ)
    assert [] == (await typed("audience show none --json", environ)).value["members"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("slack:general", "stdin:7: unknown member kind 'slack'; expected audience, discord, discord-user, webhook"),
        ("discrod:112233445566778899", "stdin:7: unknown member kind 'discrod'; expected audience, discord, "),
        ("discord:general", "stdin:7: expected a channel id, which is 15 to 20 digits, after discord:, not 'general'"),
        ("nonsense", "stdin:7: expected kind:name, as in discord:112233445566778899, not 'nonsense'"),
        ("audience:nobody", "there is no audience 'nobody'; `tellonce audience set nobody FILE` makes it"),
        ("audience:guilds", "audience 'guilds' would hold itself: guilds → guilds"),
        ("audience:all", "audience 'guilds' would hold itself: guilds → all → guilds"),
    ],
)
async def test_a_wrong_line_is_one_line_and_changes_nothing(
    connection: Connection, environ: Environ, line: str, said: str
) -> None:
    await typed("audience set guilds -", environ, "discord:112233445566778899")
    await typed("audience set all -", environ, "audience:guilds")
    before = (await typed("audience list --json", environ)).value

    done = await typed("audience set guilds -", environ, GUILDS + line)
    assert 2 == done.code
    assert said in done.err
    assert 1 == done.err.count("\n")
    assert before == (await typed("audience list --json", environ)).value


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("audience set a|b -", "expected an audience's name of up to 64 letters"),
        ("audience set a nowhere.txt", "nowhere.txt: cannot be read: No such file or directory"),
        ("audience set a -", "audience 'a': expected at least one member; `--empty` if none is meant"),
        ("audience show nobody", "there is no audience 'nobody'"),
        ("audience remove nobody --yes", "there is no audience 'nobody'"),
    ],
)
async def test_a_mistake_is_one_line(connection: Connection, environ: Environ, words: str, said: str) -> None:
    done = await typed(words, environ)
    assert 2 == done.code
    assert said in done.err
    assert 1 == done.err.count("\n")


async def test_removing_asks_first_and_is_refused_while_it_is_needed(
    connection: Connection, environ: Environ, bare: Path
) -> None:
    await typed("audience set guilds -", environ, GUILDS)
    await typed("audience set all -", environ, "audience:guilds")
    done = await typed("audience remove guilds --yes", environ)
    assert (1, "tellonce: audience 'guilds': all includes it; set that without it first\n") == (done.code, done.err)

    (bare / "tellonce.toml").write_text(ROUTE)
    done = await typed("audience remove all --yes", environ)
    assert 1 == done.code
    assert "audience 'all': discord.routes#1 names it; change the file first" in done.err

    (bare / "tellonce.toml").unlink()
    assert 1 == (await typed("audience remove all", environ, "n\n")).code
    assert "all is removed\n" in (await typed("audience remove all", environ, "y\n")).out
    assert "guilds is removed\n" == (await typed("audience remove guilds --yes", environ)).out
    assert [] == (await typed("audience list --json", environ)).value


async def test_ctrl_c_ends_a_reading_and_changes_nothing(connection: Connection, environ: Environ) -> None:
    words = [str(Path(sys.executable).parent / "tellonce"), "audience", "set", "all", "-"]
    lines = "".join(f"discord:{number}\n" for number in range(10**17, 10**17 + 10_000)).encode()

    def interrupted() -> int:
        with subprocess.Popen(words, stdin=subprocess.PIPE, env=os.environ | environ) as verb:  # noqa: S603 - ours
            assert verb.stdin is not None
            # More than a pipe holds: once it is written, the verb is reading.
            verb.stdin.write(lines)
            verb.stdin.flush()
            verb.send_signal(signal.SIGINT)
            return verb.wait(timeout=20)

    assert 0 != await anyio.to_thread.run_sync(interrupted)
    assert [] == (await typed("audience list --json", environ)).value
    assert 0 == await connection["audiences"].count_documents({})
