"""One `up` a directory, and finding it."""

from pathlib import Path

import pytest

from telemetry.cli.premises import Running, announce, occupied, running_here
from telemetry.core.errors import ConfigurationError

RUNNING = Running(1, "mongodb://127.0.0.1:5/", "http://127.0.0.1:8080", None)


def test_a_running_up_is_found_by_other_verbs(bare: Path) -> None:
    assert running_here() is None
    with occupied():
        announce(RUNNING)
        assert running_here() == RUNNING

    assert running_here() is None


def test_a_second_up_is_told_of_the_first(bare: Path) -> None:
    with occupied(), pytest.raises(ConfigurationError, match="running in this directory already"), occupied():
        pass


def test_what_a_killed_up_left_behind_misleads_nobody(bare: Path) -> None:
    with occupied():
        announce(RUNNING)

    assert running_here() is None
    with occupied():
        pass


def test_others_cannot_read_what_is_kept(bare: Path) -> None:
    with occupied() as directory:
        assert directory.stat().st_mode & 0o077 == 0
