import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.core.canonical import canonical
from telemetry.core.errors import InvalidEventError
from telemetry.core.key import KeyPolicy, body_digest, join_key

parts = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20), min_size=1, max_size=4
)


@given(parts, parts)
def test_no_two_tuples_share_a_key(one: list[str], other: list[str]) -> None:
    assert (join_key("t", one) == join_key("t", other)) == (one == other)


@given(parts)
def test_a_key_holds_no_bar_so_that_a_destination_can_follow_one(some: list[str]) -> None:
    assert "|" not in join_key("t", some)


def test_the_four_shapes_of_key() -> None:
    sign_up = {"event": "sign_up", "distinct_id": "u42", "properties": {"name": "foo", "version": "1.2"}}
    assert KeyPolicy.parse(["distinct_id"]).key(sign_up, "web") == "sign_up:u42"
    assert KeyPolicy.parse(["properties.name", "properties.version"]).key(sign_up, "web") == "sign_up:foo:1.2"
    assert KeyPolicy.parse("per occurrence").key(sign_up | {"insert_id": "i1"}, "web") == "sign_up:web:i1"


@pytest.mark.parametrize(
    ("event", "names"),
    [
        ({"event": "t", "distinct_id": "", "properties": {}}, "distinct_id"),
        ({"event": "t", "distinct_id": "u", "properties": {}}, "properties.name"),
        ({"event": "t", "distinct_id": "u", "properties": {"name": 1.5}}, "properties.name"),
        ({"event": "t", "distinct_id": "u", "properties": {"name": "a\0b"}}, "NUL"),
        ({"event": "t", "distinct_id": "u", "properties": {"name": "\ud800"}}, "surrogate"),
        ({"event": "t", "distinct_id": "u", "properties": {"name": "x" * 600}}, "512"),
    ],
)
def test_a_part_that_cannot_be_a_key_is_named(event: dict[str, object], names: str) -> None:
    with pytest.raises(InvalidEventError, match=names):
        KeyPolicy.parse(["distinct_id", "properties.name"]).key(event, "web")


def test_the_digest_knows_a_repeat_whatever_its_time_key_order_or_spelling_of_numbers() -> None:
    one = {"event": "t", "distinct_id": "u", "properties": {"a": 1, "b": [1.0, "x"]}, "time": "2026-01-01T00:00:00Z"}
    other = {"properties": {"b": [1, "x"], "a": 1.0}, "distinct_id": "u", "event": "t"}
    assert body_digest(one) == body_digest(other)
    assert body_digest(one) != body_digest(other | {"properties": {"a": 2}})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_a_value_has_one_spelling(value: object) -> None:
    assert canonical(value) == canonical(json.loads(canonical(value)))
