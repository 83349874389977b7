"""What an endpoint's answers mean."""

from datetime import UTC, datetime

import pytest

from consumers.webhook.verdict import judge, retry_after
from telemetry.core.answer import Answer, NoAnswer
from telemetry.core.outcome import Delivered, Outcome, Parked, Retry, Unknown

NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)
IN_A_MINUTE = "Sun, 01 Nov 2026 12:01:00 GMT"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((status, Delivered({"status": status})) for status in (200, 201, 202, 204, 299)),
        *((status, Retry(f"it answered {status}")) for status in (400, 401, 403, 404, 409, 413, 422, 500, 501, 505)),
        *((status, Retry(f"it answered {status}", costs=False)) for status in (429, 502, 503, 504)),
        *((status, Retry(f"it answered {status}: redirects are not followed")) for status in (301, 302, 307, 308)),
        (410, Parked("it answered 410: it wants to hear no more")),
    ],
)
def test_a_status_says_what_to_do(status: int, outcome: Outcome) -> None:
    assert outcome == judge(Answer(status, {}, b""), NOW)


def test_the_beginning_of_the_body_is_kept_as_the_reason() -> None:
    outcome = judge(Answer(500, {}, b" oops\xff" + b"x" * 1000), NOW)
    assert isinstance(outcome, Retry)
    assert outcome.reason.startswith("it answered 500: oops\N{REPLACEMENT CHARACTER}xxx")
    assert len(outcome.reason) < 300


def test_no_answer_is_unknown_unless_nothing_can_have_arrived() -> None:
    assert Unknown("gone") == judge(NoAnswer("gone", certain=False), NOW)
    assert Retry("refused") == judge(NoAnswer("refused", certain=True), NOW)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120.0),
        (" 5 ", 5.0),
        ("-5", None),
        ("soon", None),
        ("9" * 40, 999999999.0),
        (IN_A_MINUTE, 60.0),
        ("Sun, 01 Nov 2020 12:01:00 GMT", 0.0),
        ("Sun, 01 Nov 2026 12:01:00", None),
        ("Sun, 99 Nov 2026", None),
        ("\N{SUPERSCRIPT TWO}", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert seconds == retry_after(header, NOW)
