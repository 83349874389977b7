"""The nemesis does what the seed says."""

from tests.torture.plan import CHANNELS, HABITS, OPERATOR, SEATS, TOLD, Kind, plan

ALL = frozenset(Kind)


def test_the_same_seed_gives_the_same_plan_and_another_another() -> None:
    assert plan(7, 60, ALL) == plan(7, 60, sorted(ALL))
    assert plan(7, 60, ALL) != plan(8, 60, ALL)


def test_a_long_plan_does_everything_to_everyone_within_its_time() -> None:
    acts = plan(1, 1800, ALL)
    assert ALL == {act.kind for act in acts}
    assert {*SEATS, *CHANNELS, *TOLD, *OPERATOR.values(), "database"} == {act.target for act in acts}
    assert all(0 < act.at < 1800 for act in acts)
    assert [act.at for act in acts] == sorted(act.at for act in acts)


def test_what_cannot_be_done_here_is_not_planned() -> None:
    abilities = ALL - {Kind.CLOCK, Kind.STEP_DOWN}
    assert {act.kind for act in plan(1, 900, abilities)} <= abilities


def test_every_kind_has_its_habits() -> None:
    assert ALL == set(HABITS)
