"""Until when facts and what they say are kept, as a person is told."""

from dataclasses import replace
from datetime import UTC, datetime

from telemetry.core.clock import micros
from telemetry.ops.retention import kept
from telemetry.runtime.config import parse_config
from tests.facts import an_event

RECEIVED = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENT = replace(an_event(), received_at=RECEIVED, order=micros(RECEIVED))


def said(policy: str, **fields: object) -> str:
    types = parse_config(f"[types.sign_up]\n{policy}").types
    return kept(replace(EVENT, **fields), types["sign_up"])  # type: ignore[arg-type]


def test_a_type_without_an_end_is_remembered_for_ever() -> None:
    assert "remembered for ever" == said("") == kept(EVENT, None)


def test_both_ends_are_told() -> None:
    told = said('remember = "30d"\npayload = "36h"')
    assert told.startswith("remembered until 2026-03-31 12:00 UTC, and until its deliveries are done; ")
    assert told.endswith("payload kept until 2026-03-03 00:00 UTC, and until its deliveries are done")


def test_what_is_told_later_is_kept_from_then_on() -> None:
    later = micros(datetime(2026, 4, 1, tzinfo=UTC))
    assert said('remember = "1d"', order=later).startswith("remembered until 2026-04-02 00:00 UTC")


def test_that_it_was_removed_is_told() -> None:
    assert said('payload = "1d"', scrubbed=RECEIVED).endswith("its payload was removed on 2026-03-01 12:00 UTC")
