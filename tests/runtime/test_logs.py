"""What the log tells of an exception."""

from typing import Literal

import pytest

from telemetry.runtime.logs import configure_logs, get_logger
from telemetry.store.endpoints import StoredSecret

# Put together here, so that no line of source around the failure holds it.
SECRET = "whsec_" + "hunter2"


@pytest.mark.usefixtures("own_log")
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
