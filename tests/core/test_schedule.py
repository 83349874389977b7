"""When schedules come, and what is told of what was missed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.core.cron import Cron, check_cron
from telemetry.core.due import GRACE, MOST_AT_ONCE, Due, Missed, Span, due
from telemetry.core.schedule import Firing, LeftOut, events_of, occurrence_key, read_occurrence
from telemetry.core.timing import Every, Once, Timing, is_occurrence, spell_timing

BERLIN = "Europe/Berlin"
NOW = datetime(2026, 11, 28, 8, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MINUTELY = Every(60, NOW - 100 * DAY)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shown(timing: Timing, since: str, number: int, zone: str = BERLIN) -> list[str]:
    """Give the next occurrences as clocks of a zone show them."""
    found = islice(timing.after(utc(since)), number)
    return [f"{one.astimezone(ZoneInfo(zone)):%d %H:%M %Z}" for one in found]


def test_a_daily_job_whose_hour_is_skipped_comes_right_after_the_gap() -> None:
    daily = Cron("30 2 * * *", BERLIN)
    assert ["28 02:30 CET", "29 03:00 CEST", "30 02:30 CEST"] == shown(daily, "2026-03-27T12:00", 3)


def test_a_daily_job_whose_hour_is_repeated_comes_once() -> None:
    daily = Cron("30 2 * * *", BERLIN)
    assert ["24 02:30 CEST", "25 02:30 CEST", "26 02:30 CET"] == shown(daily, "2026-10-23T12:00", 3)
    # Asked within the repeated hour, too.
    assert ["26 02:30 CET"] == shown(daily, "2026-10-25T01:15", 1)
    assert utc("2026-10-25T00:30") == daily.latest(utc("2026-10-25T01:15"))


def test_every_quarter_of_an_hour_is_not_in_the_gap_and_twice_in_the_repeated_hour() -> None:
    quarterly = Cron("*/15 * * * *", BERLIN)
    assert ["29 01:45 CET", "29 03:00 CEST", "29 03:15 CEST"] == shown(quarterly, "2026-03-29T00:30", 3)
    repeated = shown(quarterly, "2026-10-24T23:45", 9)
    assert repeated == [f"25 02:{m} {z}" for z in ("CEST", "CET") for m in ("00", "15", "30", "45")] + ["25 03:00 CET"]


def test_an_interval_is_not_shifted_by_daylight_saving() -> None:
    daily = Every(86400, utc("2026-03-27T08:00"))
    assert ["28 09:00 CET", "29 10:00 CEST"] == shown(daily, "2026-03-27T08:00", 2)


def test_an_interval_begins_one_interval_after_it_was_added() -> None:
    assert [NOW + MINUTE] == list(islice(Every(60, NOW).after(NOW - DAY), 1))
    assert Every(60, NOW).latest(NOW) is None


def test_once_is_once() -> None:
    once = Once(NOW)
    assert ([NOW], []) == (list(once.after(NOW - MINUTE)), list(once.after(NOW)))
    assert (NOW, None) == (once.latest(NOW), once.latest(NOW - MINUTE))


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("0 0 30 2 *", "expected a day that the month has"),
        ("0 0 31 2,4,6 *", "expected a day that the month has"),
        ("61 * * * *", "expected a minute as cron has it"),
        ("0 0 * * 9", "expected a day of week as cron has it"),
        ("0 99999999999999999999 * * *", "expected an hour as cron has it"),
        ("* * * *", "expected five fields"),
        ("* * * * * *", "expected five fields"),
        ("@daily", "expected five fields"),
        ("1" * 5000 + " * * * *", "expected five fields"),
        ("", "expected five fields"),
    ],
)
def test_an_impossible_cron_is_refused(expression: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_cron(expression)


def test_a_cron_that_comes_rarely_is_taken() -> None:
    assert "0 0 29 2 *" == check_cron("  0 0  29 2 *")
    assert "29 00:00 UTC" == shown(Cron("0 0 29 2 *", "UTC"), "2026-01-01T00:00", 1, "UTC")[0]


ZONES = (BERLIN, "UTC", "America/New_York", "America/Havana", "Asia/Beirut", "Pacific/Chatham", "Africa/Casablanca")
CRONS = ("30 2 * * *", "0,30 1-3 * * *", "*/15 * * * *", "0 */2 * * *", "15 0 1,29,31 * *", "7 3 * * 1-5", "0 0 L * *")
YEAR = utc("2026-01-01")
# Around the nights that matter in most of those zones, too.
NIGHTS = [utc(night) - DAY for night in ("2026-03-08", "2026-03-29", "2026-10-25", "2026-11-01")]
STARTS = st.builds(
    lambda begin, seconds: begin + timedelta(seconds=seconds),
    st.sampled_from([YEAR, *NIGHTS]),
    st.integers(0, 2 * 86400),
)


def timings() -> st.SearchStrategy[Timing]:
    crons = st.builds(Cron, st.sampled_from(CRONS), st.sampled_from(ZONES))
    intervals = st.builds(Every, st.integers(599, 10**6), st.just(NOW - 400 * DAY))
    return st.one_of(crons, intervals)


@settings(max_examples=150)
@given(timings(), STARTS, st.integers(0, 2 * 86400), st.integers(0, 2 * 86400))
def test_wherever_it_is_asked_from_a_schedule_comes_at_the_same_moments(
    timing: Timing, begin: datetime, first: int, second: int
) -> None:
    middle = begin + timedelta(seconds=first)
    end = middle + timedelta(seconds=second)
    whole = within(timing, begin, end)
    assert whole == within(timing, begin, middle) + within(timing, middle, end)
    assert whole == sorted(set(whole))
    if whole:
        assert whole[-1] == timing.latest(end)
        assert is_occurrence(timing, whole[0])


def within(timing: Timing, since: datetime, until: datetime) -> list[datetime]:
    return list(takewhile(lambda one: one <= until, timing.after(since)))


@settings(max_examples=100)
@given(timings(), STARTS, st.lists(st.integers(1, 50_000), min_size=1, max_size=20), st.sampled_from(Missed))
def test_no_occurrence_is_told_twice_and_each_is_told_or_counted_as_left_out(
    timing: Timing, begin: datetime, naps: Sequence[int], missed: Missed
) -> None:
    """
    However long nobody looks, and whenever somebody does.
    """
    cursor = now = begin
    told: list[datetime] = []
    left_out = 0
    uncounted = False
    for nap in naps:
        now += timedelta(seconds=nap)
        while decided := due(timing, cursor, now, missed):
            assert cursor < decided.cursor <= now
            told += decided.occurrences
            left_out += decided.left_out.count if decided.left_out else 0
            uncounted |= bool(decided.left_out and decided.left_out.more)
            cursor = decided.cursor
    assert told == sorted(set(told))
    all_of_them = within(timing, begin, now)
    assert set(told) <= set(all_of_them)
    if not uncounted:
        assert len(all_of_them) == len(told) + left_out
    if missed is Missed.ALL:
        assert not left_out


def test_what_is_at_most_a_minute_late_is_on_time_under_every_policy() -> None:
    for missed in Missed:
        once = Once(NOW)
        assert Due([NOW], NOW) == due(once, NOW - DAY, NOW + GRACE, missed)
    assert due(Once(NOW), NOW - DAY, NOW - MINUTE, Missed.LATEST) is None


def test_of_what_was_missed_the_latest_is_told() -> None:
    """
    A reminder that came due while everything was down is still delivered.
    """
    hourly = Cron("0 * * * *", "UTC")
    decided = due(hourly, NOW - 5 * HOUR, NOW + 30 * MINUTE, Missed.LATEST)
    assert decided == Due([NOW], NOW, Span(NOW - 4 * HOUR, NOW - HOUR, 4))
    assert due(Once(NOW), NOW - DAY, NOW + DAY, Missed.LATEST) == Due([NOW], NOW)


def test_no_missed_one_is_told_where_one_is_on_time() -> None:
    hourly = Cron("0 * * * *", "UTC")
    decided = due(hourly, NOW - 3 * HOUR, NOW + timedelta(seconds=2), Missed.LATEST)
    assert decided == Due([NOW], NOW, Span(NOW - 2 * HOUR, NOW - HOUR, 2))


def test_missed_ones_may_be_left_out_or_all_told() -> None:
    hourly, later = Cron("0 * * * *", "UTC"), NOW + 30 * MINUTE
    assert due(hourly, NOW - 3 * HOUR, later, Missed.NONE) == Due([], NOW, Span(NOW - 2 * HOUR, NOW, 3))
    assert due(hourly, NOW - 3 * HOUR, later, Missed.ALL) == Due([NOW - 2 * HOUR, NOW - HOUR, NOW], NOW)


def test_all_that_was_missed_comes_a_hundred_at_a_time() -> None:
    cursor, told = NOW - 250 * MINUTE, list[int]()
    while decided := due(MINUTELY, cursor, NOW, Missed.ALL):
        told.append(len(decided.occurrences))
        cursor = decided.cursor
    assert [MOST_AT_ONCE, MOST_AT_ONCE, 50] == told


def test_a_month_of_missed_seconds_is_counted_up_to_a_thousand() -> None:
    secondly, since = Every(1, NOW - 60 * DAY), NOW - 30 * DAY
    decided = due(secondly, since, NOW, Missed.LATEST)
    assert decided is not None
    assert decided.left_out is not None
    assert "1000 and more" == str(decided.left_out)
    assert (since + timedelta(seconds=1), NOW - GRACE - timedelta(seconds=1)) == (
        decided.left_out.first,
        decided.left_out.last,
    )
    assert [NOW - GRACE, NOW] == [decided.occurrences[0], decided.occurrences[-1]]


def a_firing(*occurrences: datetime, left_out: LeftOut | None = None) -> Firing:
    return Firing(3, "reminder", "team", {"text": "hello"}, occurrences, left_out)


def test_the_occurrence_is_the_key_and_can_be_read_from_it() -> None:
    key = occurrence_key("reminder", "stand-up", 3, NOW)
    assert "reminder:stand-up#3@20261128T080000Z" == key
    assert ("stand-up", 3, NOW) == read_occurrence(key)
    assert ("a", 1, NOW) == read_occurrence(occurrence_key("odd:type|%", "a", 1, NOW))
    for other in ("sign_up:u42", "a:b#1@20261328T080000Z", "a:b#1@today", "a:b c#1@20261128T080000Z", "x"):
        assert read_occurrence(other) is None


def test_whoever_makes_the_event_of_an_occurrence_makes_the_same() -> None:
    firing = a_firing(NOW, NOW + MINUTE, left_out=LeftOut(3, "latest", Span(NOW - HOUR, NOW - MINUTE, 60)))
    one, other = events_of("stand-up", firing, NOW), events_of("stand-up", firing, NOW + DAY)
    assert [(e.key, e.receipt, e.order, e.digest) for e in one] == [
        (e.key, e.receipt, e.order, e.digest) for e in other
    ]
    assert [NOW, NOW + MINUTE] == [event.time for event in one]
    assert [NOW + DAY] * 2 == [event.due_at for event in other]
    assert {"schedule:stand-up"} == {event.source for event in one}
    first, second = (event.origin or {} for event in one)
    assert 60 == first["left_out"]["count"]
    assert {"schedule": "stand-up", "occurrence": NOW + MINUTE} == second


def test_a_timing_is_spelt_for_a_person() -> None:
    assert ["every 36h", "every 90s", "every 2d"] == [spell_timing(Every(n, NOW)) for n in (129600, 90, 172800)]
    assert "at 2026-11-28 08:00:00 UTC" == spell_timing(Once(NOW))
    assert "0 9 * * 1-5" == spell_timing(Cron("0 9 * * 1-5", BERLIN))
