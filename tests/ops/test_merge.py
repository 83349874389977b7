"""Joining events and rows in one pass."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from telemetry.core.delivery import State
from telemetry.ops.merge import Case, Join
from telemetry.store.census import Fact, Holding
from telemetry.store.merge import merged

SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)
# Signs around "|" and "}" in byte order, so that keys are prefixes of each other in every way.
keys = st.text(alphabet="a!~}z", min_size=1, max_size=4)


def a_fact(key: str) -> Fact:
    return Fact(key, "t", "r", SOME_TIME, owed=True, acks={}, forgotten=False)


def a_row(key: str, destination: str) -> Holding:
    return Holding(f"{key}|{destination}", "c", key, "r", State.PENDING, 0, has_result=False)


def joined(items: Sequence[Fact | Holding]) -> tuple[list[Case], int]:
    cases: list[Case] = []
    join, deepest = Join(), 0
    for item in sorted(items, key=lambda item: item.id.encode()):
        cases += join.take(item)
        deepest = max(deepest, len(join._open))
    return [*cases, *join.rest()], deepest


@given(st.sets(keys), st.sets(st.tuples(keys, st.sampled_from(["", "1", "~", "}"]))))
def test_every_row_is_counted_with_its_event_whatever_the_keys_begin_with(
    facts: set[str], rows: set[tuple[str, str]]
) -> None:
    cases, _ = joined([*map(a_fact, facts), *(a_row(*row) for row in rows)])

    assert sorted(facts | {key for key, _ in rows}) == sorted(case.key for case in cases)
    for case in cases:
        assert case.held("c") == sum(key == case.key for key, _ in rows)
        assert (case.fact is not None) == (case.key in facts)


def test_memory_does_not_grow_with_the_number_of_events() -> None:
    cases, deepest = joined([item for n in range(500) for item in (a_fact(f"k:{n}"), a_row(f"k:{n}", "d"))])

    assert len(cases) == 500
    assert deepest <= 3


async def test_streams_are_merged_in_order() -> None:
    async def stream(*names: str) -> AsyncIterator[str]:
        for name in names:
            yield name

    merging = merged([stream("a", "d"), stream(), stream("b", "c", "e")], key=str)

    assert [name async for name in merging] == ["a", "b", "c", "d", "e"]
