"""What the log tells of an exception."""

import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from telemetry.runtime.logs import configure_logs, get_logger
from telemetry.store.endpoints import StoredSecret

# Put together here, so that no line of source around the failure holds it.
SECRET = "whsec_" + "hunter2"


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """A log that is as it was afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("form", ["console", "json"])
def test_where_it_was_raised_is_told_and_what_was_in_hand_is_not(
    form: Literal["console", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(form)

    def sign(secret: str) -> None:
        raise ValueError(f"cannot sign with {len(secret)} characters")

    try:
        sign(SECRET)
    except ValueError:
        get_logger("test").exception("delivery.failed")
    said = capsys.readouterr().err
    assert "cannot sign with 13 characters" in said
    assert "in sign" in said
    assert "hunter2" not in said
    assert "\x1b" not in said, "there is colour, and no terminal"


def test_a_stored_secret_does_not_tell_itself() -> None:
    assert "hunter2" not in repr(StoredSecret(SECRET))
