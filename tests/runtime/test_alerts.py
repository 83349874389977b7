"""How the file asks for alerts."""

from datetime import timedelta

import pytest

from telemetry.core.alert import Terms
from telemetry.core.errors import ConfigurationError
from telemetry.runtime.alerts import read_alerts
from telemetry.runtime.config import parse_config


def read(text: str) -> Terms | None:
    """Read the terms of a file."""
    return read_alerts(parse_config(text, consumers=()))


def test_a_file_without_the_table_asks_for_none() -> None:
    assert read("") is None


def test_an_empty_table_asks_for_all_of_it() -> None:
    assert Terms(timedelta(minutes=15), timedelta(hours=24)) == read("[alerts]")


def test_its_spans_may_be_said() -> None:
    assert Terms(timedelta(hours=2), None) == read('[alerts]\nevery = "2h"\nverify_every = "never"')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("evry = 1", "tellonce.toml: alerts.evry: unknown entry; expected every, verify_every; did you mean"),
        ('every = "soon"', 'tellonce.toml: alerts.every: expected from "1s" to ten years'),
        ("verify_every = 5", 'tellonce.toml: alerts.verify_every: expected "never", or from "1s" to ten years'),
    ],
)
def test_a_mistake_is_named_in_one_line(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read(f"[alerts]\n{text}")
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)
