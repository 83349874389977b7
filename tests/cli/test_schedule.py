"""Schedules, added and changed while everything runs."""

import shlex
from pathlib import Path

import anyio.to_thread
import pytest

from telemetry.core.cron import Cron
from telemetry.core.due import Missed
from telemetry.core.schedule import Entry
from telemetry.core.timing import Every, Once
from telemetry.runtime.config import load_config
from telemetry.runtime.schedules import read_schedules
from telemetry.store.client import Connection
from telemetry.store.schedules import Schedules
from telemetry.watcher.adoption import adopt
from tests.cli.terminal import Said, tellonce
from tests.timed import add, an_entry, get

Environ = dict[str, str]
DAILY = "schedule add daily --cron '0 9 * * 1-5' --zone Europe/Berlin --event reminder"
FILE = '[schedules.filed]\nevent = "reminder"\nevery = "1h"\n'


async def typed(words: str, environ: Environ, stdin: str = "") -> Said:
    # In a thread: a verb runs a loop of its own.
    return await anyio.to_thread.run_sync(lambda: tellonce(*shlex.split(words), stdin=stdin, **environ))


async def bring_in(connection: Connection, folder: Path) -> None:
    """Write a file with a schedule, and start a watcher on it."""
    (folder / "tellonce.toml").write_text(FILE)
    file = read_schedules(load_config(folder / "tellonce.toml"), connection.clock.now())
    await adopt(Schedules(connection), file)


async def test_a_schedule_is_added_with_all_that_is_said(connection: Connection, environ: Environ) -> None:
    said = await typed(f"{DAILY} --distinct-id team -p text=hello -p n:=3 --missed all", environ)
    assert 0 == said.code
    assert "daily is added; it comes next at 20" in said.out
    timing, properties = Cron("0 9 * * 1-5", "Europe/Berlin"), {"text": "hello", "n": 3}
    known = await get(connection, "daily")
    assert Entry(timing, "Europe/Berlin", "reminder", "team", properties, Missed.ALL) == known.entry
    assert "database" == known.source


async def test_the_list_says_how_each_stands(connection: Connection, environ: Environ, bare: Path) -> None:
    assert "there are no schedules" in (await typed("schedule list", environ)).out
    assert [] == (await typed("schedule list --json", environ)).value
    await bring_in(connection, bare)
    await typed(DAILY, environ)
    await typed("schedule pause filed", environ)
    await add(connection, "over", an_entry(Once(connection.clock.now().replace(microsecond=0, year=2020, day=1))))
    await connection["schedules"].insert_one({"_id": "torn"})
    listed = await typed("schedule list --json", environ)
    daily, filed, over = listed.value
    assert ("daily", "0 9 * * 1-5", "Europe/Berlin", "on") == tuple(
        daily[n] for n in ("name", "timing", "zone", "state")
    )
    assert ("filed", "file", "paused", None) == tuple(filed[n] for n in ("name", "source", "state", "next"))
    assert ("over", "ended", None) == tuple(over[n] for n in ("name", "state", "next"))
    assert "torn: its row cannot be read" in listed.err
    shown = (await typed("schedule list", environ)).out
    for text in ("daily", "every 1h", "paused", "at 2020-", "ended"):
        assert text in shown


async def test_an_edit_changes_only_what_is_given(connection: Connection, environ: Environ) -> None:
    await typed(f"{DAILY} -p text=hello", environ)
    said = await typed("schedule edit daily --event other --missed none", environ)
    assert "daily is changed; it comes next" in said.out
    known = await get(connection, "daily")
    assert ("other", Missed.NONE, 1) == (known.entry.event, known.entry.missed, known.incarnation)
    assert (Cron("0 9 * * 1-5", "Europe/Berlin"), {"text": "hello"}) == (known.entry.timing, known.entry.properties)

    assert "has another timing" in (await typed("schedule edit daily --zone UTC", environ)).out
    assert "has another timing" in (await typed("schedule edit daily --every 15m -p a=b", environ)).out
    known = await get(connection, "daily")
    assert isinstance(known.entry.timing, Every)
    assert (900, 3, {"a": "b"}) == (known.entry.timing.seconds, known.incarnation, known.entry.properties)


async def test_what_comes_next_is_shown_there_and_in_utc(connection: Connection, environ: Environ) -> None:
    assert "there are no schedules" in (await typed("schedule next", environ)).out
    await typed(DAILY, environ)
    await typed("schedule add party --at 2034-12-24T18:00 --zone Europe/Berlin --event party", environ)
    (party,) = (await typed("schedule next party --json", environ)).value
    assert ("2034-12-24T17:00:00Z", "2034-12-24T18:00:00+01:00") == (party["at"], party["local"])
    assert "Sun 2034-12-24 18:00:00" in (await typed("schedule next party", environ)).out
    both = (await typed("schedule next -n 7 --json", environ)).value
    assert 7 == len(both)
    assert {"09:00:00"} == {row["local"][11:19] for row in both if row["name"] == "daily"}
    assert sorted(row["at"] for row in both) == [row["at"] for row in both]
    await typed("schedule pause party", environ)
    assert "nothing comes" in (await typed("schedule next party", environ)).out


async def test_one_of_the_file_is_paused_and_resumed_and_otherwise_left_to_the_file(
    connection: Connection, environ: Environ, bare: Path
) -> None:
    await bring_in(connection, bare)
    assert "is paused" in (await typed("schedule pause filed", environ)).out
    assert "goes on; it comes next" in (await typed("schedule resume filed", environ)).out
    before = await get(connection, "filed")
    for words in ("add filed --every 1m --event e", "edit filed --event e", "remove filed --yes"):
        said = await typed(f"schedule {words}", environ)
        assert (2, 1) == (said.code, said.err.count("\n"))
        assert "tellonce.toml" in said.err
    assert before == await get(connection, "filed")


async def test_removing_asks_first_and_adding_it_again_counts_on(connection: Connection, environ: Environ) -> None:
    await typed(DAILY, environ)
    assert 0 != (await typed("schedule remove daily", environ, stdin="n\n")).code
    assert not (await get(connection, "daily")).removed
    assert "daily is removed" in (await typed("schedule remove daily --yes", environ)).out
    assert [] == (await typed("schedule list --json", environ)).value
    assert 0 == (await typed(DAILY, environ)).code
    assert 2 == (await get(connection, "daily")).incarnation


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("schedule pause nobody", "nobody: there is no such schedule; `tellonce schedule list` lists them"),
        ("schedule resume dialy", 'there is no such schedule; did you mean "daily"?'),
        ("schedule edit nobody --event e", "there is no such schedule"),
        ("schedule remove nobody --yes", "there is no such schedule"),
        ("schedule next nobody", "there is no such schedule"),
        ("schedule resume daily", "daily: it is not paused"),
        ("schedule pause still", "still: it is paused already"),
        ("schedule pause over", "over: it has ended, so there is nothing to pause"),
        ("schedule edit over --event e", "over: it has ended; give it another timing too"),
        ("schedule pause torn", "torn: its row cannot be read"),
        (DAILY, "daily: there is a schedule of that name; `tellonce schedule edit daily` changes it"),
    ],
)
async def test_no_is_one_line_and_1_and_changes_nothing(
    connection: Connection, environ: Environ, words: str, told: str
) -> None:
    await add(connection, "daily", an_entry())
    await add(connection, "over", an_entry(Once(connection.clock.now().replace(microsecond=0, year=2020, day=1))))
    await Schedules(connection).pause(await add(connection, "still", an_entry()))
    await connection["schedules"].insert_one({"_id": "torn"})
    before = await connection["schedules"].find().to_list(None)
    said = await typed(words, environ)
    assert (1, 1) == (said.code, said.err.count("\n"))
    assert told in said.err
    assert before == await connection["schedules"].find().to_list(None)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("add x --event e", "schedule: x: expected one of cron, every and at, not none of them"),
        ("add x --event e --cron '0 0 30 2 *'", "schedule: x.cron: expected a day that the month has"),
        (
            "add x --event e --every 1m --zone Mars/Olympus",
            "schedule: x.zone: expected a time zone as in Europe/Berlin",
        ),
        ("add x --event e --every 1m --zone Europe/Belrin", 'did you mean "Europe/Berlin"?'),
        ("add x --event e --every 0s", 'schedule: x.every: expected from "1s"'),
        (
            "add x --event e --at 2020-01-01T00:00",
            "schedule: x.at: expected a time to come, not 2020-01-01 00:00:00 UTC",
        ),
        ("add x --event e --at 2099-01-01T00:00", "schedule: x.at: expected within ten years"),
        ("add 'a b' --event e --every 1m", "expected a name of up to 64 letters"),
        ("add x --event e --every 1m -p text", "'text': expected name=text"),
        ("add x --event e --every 1m --missed some", "--missed"),
        ("edit daily", "daily: say what to change"),
        ("edit daily --at 2020-01-01T00:00", "daily.at: expected a time to come"),
        ("edit daily --zone Mars/Olympus", "daily.zone: expected a time zone"),
    ],
)
async def test_a_mistake_is_told_with_2_and_changes_nothing(
    connection: Connection, environ: Environ, words: str, told: str
) -> None:
    await add(connection, "daily", an_entry())
    before = await connection["schedules"].find().to_list(None)
    said = await typed(f"schedule {words}", environ)
    assert 2 == said.code
    assert told in said.err
    assert before == await connection["schedules"].find().to_list(None)


async def test_check_names_a_schedule_that_is_wrong(connection: Connection, environ: Environ, bare: Path) -> None:
    (bare / "tellonce.toml").write_text(FILE)
    assert "4 event types, 1 schedule\n" in (await typed("check", environ)).out
    (bare / "tellonce.toml").write_text(f'{FILE}zone = "Mars/Olympus"\n')
    said = await typed("check", environ)
    assert (2, 1) == (said.code, said.err.count("\n"))
    assert "tellonce.toml: schedules.filed.zone: expected a time zone" in said.err
