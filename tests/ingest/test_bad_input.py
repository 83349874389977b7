"""Bad input gets a clear answer that names what was wrong and what is expected, and loses nothing."""

import gzip
import json
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread
import pytest

from telemetry.store.client import Connection
from telemetry.store.events import Events
from tests.ingest.conftest import Producer, Serving
from tests.until import PATIENCE

GOOD = {"event": "sign_up", "distinct_id": "u1"}
DEEP = "[" * 5000 + "]" * 5000


UNREADABLE: list[tuple[bytes, int, str]] = [
    (b'{"event": "sign_up",\n "distinct_id": }', 400, "line 2, column 17"),
    (b"\xff\xfe", 400, "UTF-8 at byte 0"),
    (b"", 400, "line 1, column 1"),
    (b'"sign_up"', 422, "an event, an array"),
    (b'{"events": {}}', 422, "events: expected an array"),
    (b'{"events": [], "batch": 1}', 422, "'batch': unknown"),
    (b'{"events": [], "events": []}', 422, "'events': given twice"),
    (b"[]", 422, "no event"),
    (b'{"event": "sign_up", "distinct_id": "u", "properties": {"n": NaN}}', 422, "properties.n: NaN"),
    (b'{"event": "sign_up", "distinct_id": "u", "properties": {"n": -Infinity}}', 422, "properties.n: NaN, Inf"),
    (b'{"event": "sign_up", "distinct_id": "u", "properties": {"n": 1, "n": 2}}', 422, "'n' is given twice"),
    (json.dumps(GOOD | {"properties": {"text": "x" * 70_000}}).encode(), 413, "65536 bytes"),
    (b"[" + DEEP.encode() * 20 + b"]", 422, "nested"),
    (DEEP.encode(), 422, "nested"),
    (json.dumps([GOOD] * 1001).encode(), 413, "at most 1000"),
    (b" " * 1_048_577, 413, "1048576 bytes"),
]

BAD: list[tuple[Any, str]] = [
    ("sign_up", "expected an object"),
    ({"distinct_id": "u"}, "event: required"),
    ({"event": "sign_up"}, "distinct_id: required"),
    ({"event": "sign_up", "distnct_id": "u"}, "distinct_id: required; 'distnct_id' is unknown"),
    ({"event": "", "distinct_id": "u"}, "event: "),
    ({"event": "sign_up", "distinct_id": ["u"]}, "distinct_id: "),
    (GOOD | {"event": "tellonce.alert"}, "event: types that begin with 'tellonce.' are made here, not taken"),
    (GOOD | {"distnct_id": "u"}, 'distnct_id: unknown field; did you mean "distinct_id"?'),
    (GOOD | {"properties": []}, "properties: "),
    (GOOD | {"time": "yesterday"}, "time: "),
    (GOOD | {"time": "1969-12-31T23:59:59Z"}, "time: expected between 1970"),
    (GOOD | {"time": 1e18}, "time: "),
    (GOOD | {"time": "2201-01-01T00:00:00Z"}, "time: expected between 1970"),
    (GOOD | {"time": "0001-01-01T00:00:00+10:00"}, "time: expected between 1970"),
    (GOOD | {"time": True}, "time: expected an ISO 8601"),
    (GOOD | {"properties": {"n": 2**63}}, "properties.n: an integer beyond 64 bits"),
    (GOOD | {"properties": {"n": -(2**63) - 1}}, "properties.n: an integer beyond 64 bits"),
    (GOOD | {"properties": {"a": [{"b": "\ud800"}]}}, "properties.a[0].b: a lone surrogate"),
    (GOOD | {"properties": {"a": {"b\0": 1}}}, "properties.a: a name holds a NUL"),
    (GOOD | {"properties": {"a": {"\ud800": 1}}}, "properties.a: a lone surrogate"),
    ({"\ud800": 1}, "a lone surrogate"),
    (GOOD | {"distinct_id": "a\0b"}, "NUL"),
    (GOOD | {"distinct_id": "\udfff"}, "surrogate"),
    (GOOD | {"distinct_id": "é" * 256}, "at most 512"),
    (GOOD | {"properties": {"text": "x" * 70_000}}, "65536 bytes"),
    ({"event": "badge_awarded", "distinct_id": "u"}, "properties.badge: required"),
    ({"event": "sign_upp", "distinct_id": "u"}, 'did you mean "sign_up"?'),
]


async def test_a_request_that_cannot_be_read_is_refused_as_a_whole(
    producer: Producer, subtests: pytest.Subtests
) -> None:
    for body, status, says in UNREADABLE:
        with subtests.test(body=body[:80], says=says):
            got, answer = await producer.send(body)
            assert (status, True) == (got, says in answer["error"]), answer


async def test_a_bad_event_is_named_and_the_good_one_beside_it_is_stored(
    producer: Producer, connection: Connection, subtests: pytest.Subtests
) -> None:
    for number, (event, says) in enumerate(BAD):
        with subtests.test(says=says):
            status, answer = await producer.send([event, GOOD | {"distinct_id": f"good{number}"}])
            bad, good = answer["results"]
            assert (202, "rejected", "accepted") == (status, bad["status"], good["status"])
            assert says in bad["error"], bad
            assert await Events(connection).get(f"sign_up:good{number}")

            status, answer = await producer.send(event if isinstance(event, dict) else [event])
            assert (413 if "65536" in says else 422, 1) == (status, answer["rejected"])
            assert answer["results"][0]["error"] == answer["error"]


async def test_nesting_has_a_bound_that_can_be_stored(producer: Producer) -> None:
    def nested(levels: int) -> Any:
        return {"a": nested(levels - 1)} if levels else 1

    assert 202 == (await producer.send(GOOD | {"properties": nested(60)}))[0]
    status, answer = await producer.send(GOOD | {"properties": nested(80)})
    assert (422, True) == (status, "nested deeper" in answer["results"][0]["error"])


async def test_numbers_that_overflow_are_no_numbers(producer: Producer) -> None:
    status, answer = await producer.send(b'{"event": "sign_up", "distinct_id": "u", "properties": {"n": 1e999}}')
    assert (422, True) == (status, "beyond 64 bits" in answer["results"][0]["error"])
    digits = b"9" * 5000
    status, answer = await producer.send(b'{"event": "sign_up", "distinct_id": "u", "properties": {"n": %s}}' % digits)
    assert 422 == status


async def test_a_wrong_content_type_or_encoding_is_named(producer: Producer) -> None:
    status, answer = await producer.send(b"event=sign_up", kind="application/x-www-form-urlencoded")
    assert (415, True) == (status, "application/json" in answer["error"])
    status, answer = await producer.send(GOOD, Content_Encoding="br")
    assert (415, True) == (status, "gzip" in answer["error"])


async def test_bad_gzip_is_refused_and_a_bomb_does_not_go_off(producer: Producer) -> None:
    for data in (b"not gzip", gzip.compress(b"{}")[:-4], gzip.compress(json.dumps(GOOD).encode()) + b"more"):
        status, answer = await producer.send(data, Content_Encoding="gzip")
        assert (400, True) == (status, "gzip" in answer["error"])
    status, _ = await producer.send(gzip.compress(b" " * 100_000_000, 9), Content_Encoding="gzip")
    assert 413 == status


async def test_ndjson_says_in_which_line_it_is_broken(producer: Producer) -> None:
    lines = b'{"event": "sign_up", "distinct_id": "u1"}\n\n{"event": }\n'
    status, answer = await producer.send(lines, kind="application/x-ndjson")
    assert (400, True) == (status, "line 3, column 11" in answer["error"])


async def test_names_with_dollars_and_dots_come_back_intact(producer: Producer, connection: Connection) -> None:
    properties = {"$set": {"a.b": 1, "": [{"$": "%24"}]}, "big": 2**63 - 1, "small": -(2**63), "é": "\0"}
    assert 202 == (await producer.send(GOOD | {"properties": properties}))[0]
    event = await Events(connection).get("sign_up:u1")
    assert event is not None
    assert properties == event.properties


async def test_without_a_known_key_nothing_is_taken_and_no_secret_is_told(serving: Serving, connection: object) -> None:
    async with serving(ingest_keys="web:s3cret,app:0ther") as producer:
        for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic s3cret"}):
            status, answer = await producer.send(GOOD, **header)
            assert (401, False) == (status, "s3cret" in str(answer))
        assert 202 == (await producer.send(GOOD, Authorization="Bearer s3cret"))[0]
        occurrence = {"event": "tick", "distinct_id": "u", "insert_id": "i1"}
        for secret, key in (("s3cret", "tick:web:i1"), ("0ther", "tick:app:i1")):
            _, answer = await producer.send(occurrence, Authorization=f"Bearer {secret}")
            assert (key, "accepted") == (answer["results"][0]["id"], answer["results"][0]["status"])


async def test_an_unknown_type_can_be_told_apart_by_its_body(serving: Serving, connection: object) -> None:
    async with serving('[ingest]\nunknown_types = "body"') as producer:
        event = {"event": "page_view", "distinct_id": "u", "properties": {"path": "/"}}
        answers = [
            (await producer.send(each))[1]["results"][0]["status"]
            for each in (event, event, event | {"distinct_id": "v"})
        ]
        assert ["accepted", "duplicate", "accepted"] == answers


@pytest.mark.parametrize("path", ["/ingest", "/v1/track", "/nowhere"])
async def test_who_sends_far_too_much_hears_so_and_not_that_the_connection_broke(producer: Producer, path: str) -> None:
    """
    Most clients read no answer before all is sent: one that is closed on them is lost, and they send the same again.
    """
    parts = urlsplit(producer.url)

    def send() -> tuple[int, bytes]:
        connection = HTTPConnection(str(parts.hostname), parts.port, timeout=PATIENCE)
        with closing(connection):
            connection.request("POST", path, b" " * 30_000_000, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()

    status, _ = await anyio.to_thread.run_sync(send)
    assert (404 if path == "/nowhere" else 413) == status
    assert 202 == (await producer.send(GOOD))[0]
