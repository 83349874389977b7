import pytest

from telemetry.core.delivery import TRANSITIONS, Signal, State, after, sources, target


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("signal", Signal)
def test_every_step_is_in_the_table_or_refused(state: State, signal: Signal) -> None:
    if signal in TRANSITIONS[state]:
        assert target(signal) is after(state, signal)
        assert state in sources(signal)
    else:
        assert state not in sources(signal)
        with pytest.raises(ValueError, match="cannot take"):
            after(state, signal)


def test_what_is_delivered_stays_delivered_but_for_a_wanted_replay() -> None:
    assert TRANSITIONS[State.DELIVERED] == {Signal.REPLAY: State.PENDING}


def test_a_certain_receipt_is_never_refused() -> None:
    assert set(State) - {State.DELIVERED} == set(sources(Signal.DONE))
