"""Bytes to events, whatever the bytes."""

import gzip
import json
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.core.errors import InvalidEventError
from telemetry.core.key import join_key
from telemetry.ingest.envelope import read_envelope
from telemetry.ingest.refusal import Refusal
from telemetry.ingest.values import TooLarge, check_value
from telemetry.ingest.wire import Inflater, parse_json, reader_of
from telemetry.store.documents import restored, stored

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(NAMES, inside, max_size=4),
    max_leaves=20,
)
read_json = reader_of("application/json", 1000)
read_lines = reader_of("application/x-ndjson", 1000)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_any_properties_come_through_the_wire_and_the_row_intact(properties: dict[str, Any]) -> None:
    sent = {"event": "t", "distinct_id": "u", "properties": properties}
    for body, read in ((json.dumps([sent]), read_json), (json.dumps(sent) + "\r\n\n", read_lines)):
        (submitted,) = read(body.encode())
        envelope = read_envelope(submitted, 10**6)
        assert repr(properties) == repr(restored(stored(envelope.properties)))


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_are_answered_with_a_crash(body: bytes) -> None:
    for read in (read_json, read_lines):
        events: list[Any] = []
        with suppress(Refusal):
            events = read(body)
        for event in events:
            with pytest.raises(InvalidEventError):
                read_envelope(event, 10**6)


@pytest.mark.parametrize("piece", ["[],", "{},", '{"a":1},', "1,", '{"a":{}},'])
def test_a_body_of_more_values_than_fit_in_memory_is_refused_before_they_are_made(piece: str) -> None:
    body = f"[{piece * (20 * 1024**2 // len(piece))}0]"
    lines = f"[{piece * 10_000}0]\n" * 200
    tracemalloc.start()
    try:
        with pytest.raises(Refusal, match="values"):
            parse_json(body)
        with pytest.raises(Refusal, match="values"):
            read_lines(lines.encode())
        assert tracemalloc.get_traced_memory()[1] < 2 * len(body)
    finally:
        tracemalloc.stop()


@given(VALUES)
def test_the_size_of_an_event_is_that_of_its_compact_json_but_for_escapes(value: Any) -> None:
    size = check_value(value, 10**6)
    compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    plain = not any(char in '"\\' or ord(char) < 32 for char in _texts(value))
    false_and_true = compact.count("false") + compact.count("true") + compact.count("null")
    assert size <= len(compact.encode())
    assert not (plain and not false_and_true) or size == len(compact.encode())
    if size > 1:
        with pytest.raises(TooLarge):
            check_value(value, size - 1)


def _texts(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(name + _texts(item) for name, item in value.items())
    if isinstance(value, list):
        return "".join(map(_texts, value))
    return value if isinstance(value, str) else ""


@given(st.lists(NAMES, min_size=1, max_size=3), st.lists(NAMES, min_size=1, max_size=3))
def test_no_two_tuples_make_one_key(one: list[str], other: list[str]) -> None:
    if one != other:
        assert join_key("t", one) != join_key("t", other)
        assert join_key(one[0], one[1:]) != join_key(other[0], other[1:])


@given(st.binary(max_size=2000), st.integers(1, 700), st.integers(1, 3))
def test_gzip_is_undone_in_pieces_of_any_size_and_any_number_of_members(body: bytes, size: int, members: int) -> None:
    packed = gzip.compress(body) * members
    inflater = Inflater("GZIP", 10_000)
    for start in range(0, len(packed), size):
        inflater.feed(packed[start : start + size])
    assert body * members == inflater.body()


def test_a_body_in_a_million_pieces_costs_no_more_than_in_one() -> None:
    inflater = Inflater("", 10**6)
    for _ in range(10**6):
        inflater.feed(b"x")
    with pytest.raises(Refusal, match="1000000 bytes"):
        inflater.feed(b"x")


def test_a_bomb_is_inflated_to_its_limit_and_no_further() -> None:
    inflater = Inflater("gzip", 10_000)
    with pytest.raises(Refusal) as refused:
        inflater.feed(gzip.compress(b" " * 5_000_000))
    assert (413, 10_001) == (refused.value.status, len(inflater._inflated))
