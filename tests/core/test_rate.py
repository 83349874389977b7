"""How many events a source may send."""

import pytest

from telemetry.core.rate import Allowance, Rate


def test_a_rate_is_spelt_as_it_is_read() -> None:
    assert ["600/min", "10/s", "5/h"] == [str(Rate.parse(spelling)) for spelling in ("600/min", "10/s", "5/h")]
    for wrong in ("600", "0/min", "1.5/s", "600/day", "-1/s", "600 /min", "\u0661/s"):
        with pytest.raises(ValueError, match="as in 600/min"):
            Rate.parse(wrong)


def test_as_many_as_the_rate_says_pass_at_once_and_the_next_when_they_are_earned() -> None:
    allowance = Allowance(Rate.parse("60/min"), now=0)
    assert [0] * 60 == [allowance.ask(1, now=0) for _ in range(60)]
    assert 1 == allowance.ask(1, now=0)
    assert 5 == allowance.ask(5, now=0)
    assert 1 == allowance.ask(1, now=0.5)
    assert 0 == allowance.ask(1, now=1)


def test_a_refusal_costs_nothing() -> None:
    allowance = Allowance(Rate.parse("2/s"), now=0)
    assert 0 == allowance.ask(2, now=0)
    assert {1} == {allowance.ask(2, now=0) for _ in range(100)}
    assert 0 == allowance.ask(2, now=1)


def test_a_request_beyond_the_rate_passes_when_all_is_saved_up_and_is_paid_for_afterwards() -> None:
    allowance = Allowance(Rate.parse("10/s"), now=0)
    assert 0 == allowance.ask(50, now=0)
    assert 5 == allowance.ask(50, now=0)
    assert 5 == allowance.ask(1, now=0)
    assert 0 == allowance.ask(10, now=5)


def test_rest_saves_up_no_more_than_the_rate() -> None:
    allowance = Allowance(Rate.parse("3/s"), now=0)
    assert 0 == allowance.ask(3, now=1000)
    assert 1 == allowance.ask(1, now=1000)


def test_what_is_given_back_may_be_asked_for_again() -> None:
    allowance = Allowance(Rate.parse("2/s"), now=0)
    for _ in range(3):
        assert 0 == allowance.ask(2, now=0)
        allowance.give_back(2)
    assert [0, 1] == [allowance.ask(2, now=9), allowance.ask(1, now=9)]
