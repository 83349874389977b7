"""Who is let out next, decided without a clock or a database."""

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from telemetry.core.bucket import Bucket
from telemetry.core.delivery import Delivery, State
from telemetry.core.run import (
    MOST_ACTIVE,
    Limits,
    Run,
    RunState,
    choose,
    counted,
    cut_short,
    ends,
    in_turn,
    let_out,
    places,
    rate,
    resting,
)
from tests.facts import LONG_AGO, a_delivery, an_event

LATER = LONG_AGO + timedelta(hours=1)


def a_run(name: str = "k|c", order: int = 0, account: str = "one", **fields: Any) -> Run:
    given = {"offered": 10, "turns": 10, "total": 10} | fields
    return replace(Run(name, "k", "c", account, order), **given)


def row(name: str, **fields: object) -> Delivery:
    made = a_delivery(an_event("k"), name.split("|")[1])
    return replace(made, id=name, **fields)  # type: ignore[arg-type]


def ahead(*names: str, first: int = 0) -> list[tuple[int, str]]:
    return [(first + place, f"k|{name}") for place, name in enumerate(names)]


def test_what_is_through_is_counted_by_what_it_came_to_and_what_is_gone_was_delivered() -> None:
    rows = {"k|a": row("k|a", state=State.DEAD), "k|b": row("k|b")}

    ended = ends(["k|a", "k|b", "k|gone"], rows)
    run = counted(a_run(active=("k|a", "k|b", "k|gone")), ended)

    assert ended == {"k|a": State.DEAD, "k|gone": State.DELIVERED}
    assert (run.active, run.done, run.waiting) == (("k|b",), 2, 7)


@pytest.mark.parametrize(
    ("fields", "rests"),
    [
        ({}, False),
        ({"failures": 1, "ready_at": LATER}, True),
        ({"failures": 1, "ready_at": LONG_AGO}, False),
        ({"failures": 1, "ready_at": LATER, "state": State.LEASED}, False),
    ],
)
def test_one_that_waits_for_a_later_try_takes_no_place(fields: dict[str, Any], rests: bool) -> None:
    rows = {"k|a": row("k|a", **fields)}

    at_rest = resting(["k|a"], rows, (), LONG_AGO)

    assert at_rest == ({"k|a"} if rests else set())
    run = a_run(active=("k|a",))
    assert places(run, [run], at_rest, Limits(destinations=3)) == (3 if rests else 2)


def test_one_whose_destination_is_closed_takes_no_place() -> None:
    assert resting(["k|a"], {"k|a": row("k|a")}, {"a"}, LONG_AGO) == {"k|a"}


def test_the_oldest_run_of_each_account_has_its_turn() -> None:
    runs = [a_run("new", 2), a_run("old", 1), a_run("other", 3, "two")]

    assert [run.id for run in in_turn(runs, (), Limits())] == ["old", "other"]
    assert [run.id for run in in_turn(runs, (), Limits(accounts=1))] == ["old"]


@pytest.mark.parametrize(
    "fields",
    [
        {"state": RunState.PAUSED},
        {"state": RunState.CANCELLING},
        {"offered": 1, "total": 1, "active": ("k|a",)},
        {"offered": 99, "active": ("k|a",) * MOST_ACTIVE},
    ],
)
def test_a_run_that_can_let_nothing_out_gives_way(fields: dict[str, Any]) -> None:
    runs = [a_run("old", 1, **fields), a_run("new", 2)]

    assert [run.id for run in in_turn(runs, {"k|a"}, Limits())] == ["new"]


def test_unless_it_is_set_otherwise_eight_accounts_go_on_at_once_and_three_destinations_of_each() -> None:
    runs = [a_run(f"run {number}", number, f"account {number}") for number in range(9)]
    assert [run.id for run in in_turn(runs, (), Limits())] == [run.id for run in runs[:8]]
    assert 3 == places(runs[0], runs, (), Limits())


def test_a_run_that_is_still_being_offered_keeps_its_turn() -> None:
    runs = [a_run("old", 1, offered=0, total=None), a_run("new", 2)]

    assert [run.id for run in in_turn(runs, (), Limits())] == ["old"]


def test_a_destination_gets_its_next_part_when_the_one_before_is_through() -> None:
    choice = choose(a_run(), ahead("a", "a|1", "b", "b|1", "c"), 5, (), 2)

    assert (choice.names, choice.taking, choice.cursor) == (["k|a", "k|b"], 2, 1)
    again = choose(a_run(active=("k|a", "k|b"), admitted=1), [(1, "k|a|1"), (3, "k|b|1"), (4, "k|c")], 5, (), 1)
    assert (again.names, again.cursor) == (["k|c"], 1)


def test_closed_destinations_are_let_out_beside_those_that_have_room() -> None:
    choice = choose(a_run(), ahead("a", "b", "c", "d"), 4, {"a", "d"}, 1)

    assert (choice.names, choice.taking, choice.cursor) == (["k|a", "k|b", "k|d"], 1, 2)


def test_where_nothing_waits_the_cursor_moves_on() -> None:
    assert choose(a_run(admitted=3), [], 9, (), 3).cursor == 9
    assert choose(a_run(active=("k|a",)), ahead("a"), 1, (), 3).cursor == 1, "it is named and will be let out"


def test_not_more_than_so_many_are_out_at_once_even_where_they_are_closed() -> None:
    names = [f"d{number}" for number in range(MOST_ACTIVE + 5)]

    assert len(choose(a_run(offered=99), ahead(*names), 99, set(names), 3).names) == MOST_ACTIVE


@pytest.mark.parametrize("total", [10, None])
def test_a_run_is_over_when_all_are_offered_and_through(total: int | None) -> None:
    run = a_run(offered=1, total=total and 1, active=("k|a",))

    assert counted(run, {"k|a": State.DELIVERED}).state is (RunState.RUNNING if total is None else RunState.FINISHED)


def test_a_run_that_is_cut_short_counts_what_is_out_still() -> None:
    run = cut_short(a_run(active=("k|a", "k|b"), counts={State.DELIVERED: 3}, state=RunState.CANCELLING))

    assert (run.state, run.counts, run.is_over) == (
        RunState.PARTIAL,
        {State.DELIVERED: 3, State.SKIPPED: 5},
        False,
    )
    over = counted(run, {"k|a": State.DELIVERED, "k|b": State.SKIPPED})
    assert (over.state, over.is_over, over.done) == (RunState.PARTIAL, True, 10)


def test_the_rate_is_measured_from_the_first_one_let_out() -> None:
    run = let_out(a_run(), choose(a_run(), ahead("a"), 10, (), 1), LONG_AGO)

    assert rate(run, LONG_AGO + timedelta(minutes=2)) is None, "nothing is through"
    through = counted(run, {"k|a": State.DELIVERED})
    assert rate(through, LONG_AGO + timedelta(minutes=2)) == 0.5


def test_a_bucket_gives_its_rate_in_the_long_run_and_saves_up_a_few() -> None:
    chance = Random(1)
    bucket, given, now = Bucket(40, 3, 0.0), 0, 0.0
    while now < 6000:
        tokens = bucket.refill(now, chance)
        bucket.take(tokens)
        given, now = given + tokens, now + 0.25
    assert 3900 < given < 4100

    assert bucket.refill(now + 3600, chance) == 3
    bucket.take(3)
    assert bucket.refill(now + 3600, chance) == 0
