"""When something wrong is told, and under which key."""

from datetime import UTC, datetime, timedelta

import pytest

from telemetry.core.alert import Finding, Told, Trouble, alert, judge

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVERY = timedelta(minutes=15)


def dead(count: int) -> Finding:
    """So many deliveries of discord are dead."""
    return Finding(Trouble.DEAD, "discord", count, "sign_up:u1|discord:1: refused")


@pytest.mark.parametrize(
    ("count", "told", "then"),
    [
        (0, Told(), None),
        (3, Told(), Told(1, 3, NOW)),
        (3, Told(1, 3, NOW - timedelta(days=9)), None),
        (4, Told(1, 3, NOW - EVERY), Told(2, 4, NOW)),
        (4, Told(1, 3, NOW - EVERY + timedelta(seconds=1)), None),
        (2, Told(1, 3, NOW), Told(1, 2, NOW)),
        (0, Told(1, 3, NOW), Told(1, 0, NOW)),
        (1, Told(1, 0, NOW - EVERY), Told(2, 1, NOW)),
    ],
    ids=[
        "nothing is wrong", "the first", "as it was", "more of it", "more of it, too soon",
        "less of it", "all is well again", "once more",
    ],
)  # fmt: skip
def test_only_what_is_new_is_told(count: int, told: Told, then: Told | None) -> None:
    assert then == judge(dead(count), told, NOW, EVERY)


def test_whoever_makes_an_alert_makes_it_under_the_same_key() -> None:
    one = alert(dead(3), Told(), 1, NOW, "telemetry")
    other = alert(dead(4), Told(), 1, NOW + timedelta(minutes=1), "telemetry")
    assert one.key == other.key == "tellonce.alert:dead%3Adiscord#1"
    assert alert(dead(4), Told(1, 3, NOW), 2, NOW, "telemetry").key != one.key


def test_it_says_what_is_wrong_with_how_many_and_what_to_do() -> None:
    event = alert(dead(4), Told(1, 3, NOW), 2, NOW, "telemetry")
    text = "1 more delivery is refused for good of discord (4 in all): sign_up:u1|discord:1: refused"
    assert event.properties["text"] == f"{text}; `tellonce dead` tells more"
    assert {"count": 4, "new": 1, "trouble": "dead", "consumer": "discord"}.items() <= event.properties.items()
