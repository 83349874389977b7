from datetime import UTC, datetime, timedelta

import pytest

from telemetry.core.cron import Cron
from telemetry.core.due import Missed
from telemetry.core.errors import ConfigurationError
from telemetry.core.schedule import Entry
from telemetry.core.timing import Every, Once
from telemetry.runtime.config import parse_config
from telemetry.runtime.schedules import read_entry, read_schedules, spell_entry

NOW = datetime(2026, 11, 28, 8, 0, 0, 500_000, tzinfo=UTC)
CRON = 'cron = "0 9 * * 1-5"'


def read(text: str) -> dict[str, Entry]:
    return read_schedules(parse_config(text, "here.toml"), NOW)


def one(said: str) -> Entry:
    return read(f'[schedules.standup]\nevent = "reminder"\n{said}')["standup"]


def test_a_schedule_is_read_with_what_it_leaves_unsaid() -> None:
    entry = one(CRON)
    assert Entry(Cron("0 9 * * 1-5", "UTC"), "UTC", "reminder", "standup", {}, Missed.LATEST) == entry


def test_a_schedule_says_all_that_it_may() -> None:
    said = one(f'{CRON}\nzone = "Europe/Berlin"\ndistinct_id = "team"\nmissed = "all"\nproperties = {{ n = [1, 2.5] }}')
    timing = Cron("0 9 * * 1-5", "Europe/Berlin")
    assert Entry(timing, "Europe/Berlin", "reminder", "team", {"n": [1, 2.5]}, Missed.ALL) == said


@pytest.mark.parametrize(
    ("spelt", "seconds"), [("1s", 1), ("90s", 90), ("15m", 900), ("36h", 129_600), ("2d", 172_800)]
)
def test_an_interval_is_counted_from_now(spelt: str, seconds: int) -> None:
    assert Every(seconds, NOW.replace(microsecond=0)) == one(f'every = "{spelt}"').timing


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ('at = "2026-12-24T18:00"', "2026-12-24T18:00+00:00"),
        ('at = "2026-12-24T18:00"\nzone = "Europe/Berlin"', "2026-12-24T17:00+00:00"),
        ('at = "2026-12-24T18:00Z"\nzone = "Europe/Berlin"', "2026-12-24T18:00+00:00"),
        ('at = 2026-12-24T18:00:00+01:00\nzone = "Asia/Tokyo"', "2026-12-24T17:00+00:00"),
        ('at = 2026-12-24T18:00:00\nzone = "Asia/Tokyo"', "2026-12-24T09:00+00:00"),
        # Shown twice: the first time.
        ('at = "2027-10-31T02:30"\nzone = "Europe/Berlin"', "2027-10-31T00:30+00:00"),
    ],
)
def test_a_moment_is_one_of_its_zone_unless_it_says_otherwise(said: str, moment: str) -> None:
    assert Once(datetime.fromisoformat(moment)) == one(said).timing


@pytest.mark.parametrize(
    "said",
    [CRON, 'every = "36h"', 'every = "61s"', 'at = "2026-12-24T18:00"\nzone = "Europe/Berlin"\nproperties = { a = 1 }'],
)
def test_what_is_spelt_is_read_as_it_was(said: str) -> None:
    entry = one(said)
    assert entry == read_entry("standup", spell_entry(entry), NOW, "here", "standup")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", "schedules.standup: expected one of cron, every and at, not none of them"),
        (f'{CRON}\nevery = "1h"', "schedules.standup: expected one of cron, every and at, not cron and every"),
        ('cron = "0 0 30 2 *"', "schedules.standup.cron: expected a day that the month has"),
        ('cron = "* * * * * *"', "schedules.standup.cron: expected five fields"),
        (
            f'{CRON}\nzone = "Mars/Olympus"',
            'standup.zone: expected a time zone as in Europe/Berlin, not "Mars/Olympus"',
        ),
        (f'{CRON}\nzone = "Europe/Berln"', 'not "Europe/Berln"; did you mean "Europe/Berlin"?'),
        (f'{CRON}\nzone = "Europe"', 'not "Europe"'),
        (f'{CRON}\nzone = "../etc/passwd"', "expected a time zone"),
        ('every = "0s"', 'standup.every: expected from "1s" to ten years'),
        ('every = "500ms"', 'standup.every: expected from "1s" to ten years'),
        ('every = "4000d"', 'standup.every: expected from "1s" to ten years'),
        ("every = 5", 'as in "90s", "15m", "36h" or "2d", not 5'),
        ('at = "tomorrow"', 'standup.at: expected a time as in 2026-12-24T18:00 or 2026-12-24T18:00Z, not "tomorrow"'),
        ("at = 2026-12-24", "standup.at: expected a time as in"),
        ('at = "9999-12-31T23:59:59-12:00"', "standup.at: expected a time as in"),
        ('at = "9999-12-31T23:59:59"\nzone = "America/New_York"', "standup.at: expected a time as in"),
        ('at = "0001-01-01T00:00:00+12:00"', "standup.at: expected a time as in"),
        ('at = "2037-12-24T18:00"', "standup.at: expected within ten years, not 2037-12-24"),
        ('at = "2027-03-28T02:30"\nzone = "Europe/Berlin"', "its clocks skip 2027-03-28 02:30"),
        (f'{CRON}\nmissed = "al"', "expected 'all', 'latest' or 'none', not \"al\"; did you mean \"all\"?"),
        (f"{CRON}\nproperties = {{ a = nan }}", "standup.properties: expected what JSON can hold"),
        (f"{CRON}\nproperties = {{ a = 2026-01-01 }}", "standup.properties: expected what JSON can hold"),
        (f"{CRON}\nproperties = {{ a = 9223372036854775808 }}", "an integer beyond 64 bits"),
        (f'{CRON}\nproperties = {{ a = "{"x" * 70_000}" }}', "expected at most 65536 bytes, not 70"),
        (f"{CRON}\nproperties = {{ a = {'[' * 40}{']' * 40} }}", "nested deeper than 32 levels"),
        (f'{CRON}\ndistinct_id = ""', "standup.distinct_id: "),
        (f'{CRON}\ncrom = "x"', "standup.crom: unknown entry; expected at, cron, distinct_id, event"),
    ],
)
def test_a_mistake_is_named_in_one_line(said: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        one(said)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[schedules]\nx = 3", "here.toml: schedules.x: expected a table"),
        ("schedules = 3", "here.toml: schedules: expected a table, not 3"),
        (f"[schedules.x]\n{CRON}", "here.toml: schedules.x.event: required, but missing"),
        (f'[schedules."a b"]\n{CRON}\nevent = "e"', 'here.toml: schedules."a b": expected a name of up to 64 letters'),
        (f'[schedules.x]\n{CRON}\nevent = "{"é" * 256}"', "here.toml: schedules.x.event: key: 54"),
    ],
)
def test_a_section_that_is_wrong_is_named_in_one_line(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    assert str(caught.value).startswith(told)


def test_a_moment_of_the_past_is_read_for_it_was_told_once() -> None:
    assert Once(NOW.replace(microsecond=0) - timedelta(days=365)) == one('at = "2025-11-28T08:00"').timing
