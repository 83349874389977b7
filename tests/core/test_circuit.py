"""When a destination is left alone, and when it is tried again."""

from random import Random

import pytest

from telemetry.core.backoff import Backoff, Schedule
from telemetry.core.carrier import USUAL_SCHEDULE
from telemetry.core.circuit import LONGEST_PAUSE, Circuit
from telemetry.core.outcome import Dead, Delivered, Retry, Unknown

CHANCE = Random(1)


def a_circuit(failures: int = 0, now: float = 0.0) -> Circuit:
    made = Circuit(3, Backoff(first=30.0, cap=600.0), Backoff(first=5.0, cap=300.0))
    for _ in range(failures):
        made.learn(Retry("down"), now, CHANCE)
    return made


def test_it_stays_closed_below_the_bound_and_a_success_begins_anew() -> None:
    circuit = a_circuit(2)
    assert 4 == circuit.room(4, 0.0)
    circuit.learn(Delivered(), 0.0, CHANCE)
    circuit.learn(Unknown("lost"), 0.0, CHANCE)
    circuit.learn(Retry("down"), 0.0, CHANCE)
    assert 4 == circuit.room(4, 0.0)


def test_at_the_bound_nothing_goes_until_a_rest_is_over_and_then_one_does() -> None:
    circuit = a_circuit(3)
    assert 0 == circuit.room(4, 14.9)
    assert 15.0 <= circuit.until <= 30.0
    assert 1 == circuit.room(4, circuit.until)


def test_the_one_that_is_tried_opens_it_or_makes_the_rest_longer() -> None:
    circuit = a_circuit(3)
    first, now = circuit.until, circuit.until
    circuit.learn(Retry("still down"), now, CHANCE)
    assert circuit.until - now > 30.0 > first
    circuit.learn(Delivered(), circuit.until, CHANCE)
    assert 4 == circuit.room(4, circuit.until)


def test_a_success_that_was_on_its_way_before_does_not_end_a_rest() -> None:
    circuit = a_circuit(3)
    circuit.learn(Delivered(), 1.0, CHANCE)
    assert 0 == circuit.room(4, 1.0)
    assert 1 == circuit.room(4, circuit.until)


def test_a_rest_has_a_longest() -> None:
    circuit = a_circuit(40)
    assert circuit.until <= 600.0


def test_a_message_that_is_refused_for_good_says_that_the_destination_is_well() -> None:
    circuit = a_circuit(2)
    circuit.learn(Dead("too long"), 0.0, CHANCE)
    circuit.learn(Retry("down"), 0.0, CHANCE)
    assert 4 == circuit.room(4, 0.0)


@pytest.mark.parametrize(("asked", "kept"), [(7.0, 7.0), (0.0, 0.0), (1e9, LONGEST_PAUSE)])
def test_a_pause_that_is_asked_for_is_kept_within_reason(asked: float, kept: float) -> None:
    circuit = a_circuit()
    circuit.learn(Retry("busy", asked, costs=False), 100.0, CHANCE)
    assert 100.0 + kept == circuit.until


def test_pauses_without_a_length_grow() -> None:
    circuit = a_circuit()
    lengths = []
    for _ in range(10):
        circuit.learn(Retry("busy", costs=False), 0.0, CHANCE)
        lengths.append(circuit.until)
    assert lengths == sorted(lengths)
    assert 2.5 <= lengths[0] <= 5.0
    assert 150.0 <= lengths[-1] <= 300.0


def test_a_pause_of_a_told_length_makes_the_next_one_no_longer() -> None:
    circuit = a_circuit()
    for _ in range(9):
        circuit.learn(Retry("busy", 1.0, costs=False), 0.0, CHANCE)
    circuit.learn(Retry("busy", costs=False), 100.0, CHANCE)
    assert circuit.until <= 105.0


def test_somebody_who_believes_that_it_is_well_has_one_tried() -> None:
    circuit = a_circuit(3)
    circuit.reopen(1.0)
    assert 1 == circuit.room(4, 1.0)


def test_the_usual_schedule_makes_eight_tries_over_some_twenty_eight_hours() -> None:
    waits = [USUAL_SCHEDULE.delay(failures, CHANCE) for failures in range(1, 9)]
    assert waits[-1] is None
    wanted = (5, 300, 1800, 7200, 18000, 36000, 36000)
    for got, about in zip(waits[:-1], wanted, strict=True):
        assert got is not None
        assert 0.9 * about <= got <= 1.1 * about
    assert 99000 < sum(wanted) < 100000


def test_a_schedule_without_waits_makes_one_try() -> None:
    assert Schedule(()).delay(1, CHANCE) is None
