"""What follows from each outcome."""

from random import Random
from typing import Any

import pytest

from telemetry.core.backoff import Schedule
from telemetry.core.circuit import LONGEST_PAUSE
from telemetry.core.consequence import Consequence, consequence
from telemetry.core.delivery import Signal
from telemetry.core.outcome import Dead, Delivered, Outcome, Parked, Retry, Unknown
from tests.facts import a_delivery, an_event

SCHEDULE = Schedule((10.0, 100.0))


def of(outcome: Outcome, **fields: Any) -> Consequence:
    delivery = a_delivery(an_event(), **fields)
    return consequence(outcome, delivery, SCHEDULE, pause=7.0, free_pauses=3, chance=Random(1))


@pytest.mark.parametrize(
    ("outcome", "follows"),
    [
        (Delivered({"status": 204}), Consequence(Signal.DONE, {"result": {"status": 204}})),
        (Dead("refused"), Consequence(Signal.GIVE_UP, {"reason": "refused"})),
        (Parked("ask"), Consequence(Signal.PARK, {"reason": "ask"})),
        (Retry("busy", 3.0, costs=False), Consequence(Signal.RELEASE, {"reason": "busy", "pauses": 1}, 7.0)),
    ],
)
def test_an_outcome_has_its_signal(outcome: Outcome, follows: Consequence) -> None:
    assert follows == of(outcome)


@pytest.mark.parametrize("outcome", [Retry("no luck"), Unknown("no answer")])
def test_a_failed_try_is_made_again_by_the_schedule_until_that_ends(outcome: Outcome) -> None:
    first, second, last = (of(outcome, failures=failures) for failures in (0, 1, 2))
    assert (Signal.RETRY, Signal.RETRY, Signal.GIVE_UP) == (first.signal, second.signal, last.signal)
    assert first.wait is not None
    assert 9.0 <= first.wait <= 11.0
    assert second.wait is not None
    assert 90.0 <= second.wait <= 110.0
    assert last.wait is None
    assert last.fields["reason"].endswith("; given up after 3 tries")


@pytest.mark.parametrize(
    ("asked", "least", "most"), [(1.0, 9.0, 11.0), (60.0, 60.0, 60.0), (1e9, 3600.0, LONGEST_PAUSE)]
)
def test_a_wait_that_is_asked_for_is_kept_within_reason(asked: float, least: float, most: float) -> None:
    wait = of(Retry("down", asked)).wait
    assert wait is not None
    assert least <= wait <= most


def test_pauses_beyond_the_free_ones_cost_a_try() -> None:
    assert Signal.RELEASE is of(Retry("busy", costs=False), pauses=2).signal
    beyond = of(Retry("busy", costs=False), pauses=3)
    assert (Signal.RETRY, 1) == (beyond.signal, beyond.fields["failures"])
