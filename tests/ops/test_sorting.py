"""Sorting more than fits in memory."""

from contextlib import ExitStack

from hypothesis import given
from hypothesis import strategies as st

from telemetry.ops.sorting import in_order, pages


@given(st.lists(st.text(alphabet="ab:1é😀", max_size=3)), st.integers(1, 5))
def test_texts_come_in_order_and_each_once(texts: list[str], at_once: int) -> None:
    with ExitStack() as room:
        assert sorted(set(texts)) == list(in_order(texts, room, at_once))


def test_everything_is_read_before_the_first_is_given() -> None:
    given = []

    def texts() -> list[str]:
        given.append(True)
        return ["b", "a"]

    with ExitStack() as room:
        ordered = in_order((text for text in texts()), room, 1)
        assert given
        assert ["a", "b"] == list(ordered)


def test_pages_are_cut_to_a_size() -> None:
    assert [["a", "b"], ["c"]] == list(pages("abc", 2))
    assert [] == list(pages([], 2))
