"""Whatever JSON stands in whatever place, a dialect reads it or refuses it, and answers."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from telemetry.core.errors import InvalidEventError
from telemetry.ingest.accept import Result
from telemetry.ingest.dialects.dialect import Dialect, Head, Posted
from telemetry.ingest.envelope import read_envelope
from telemetry.ingest.interpreter import DIALECTS
from telemetry.ingest.refusal import Refusal

ODD: tuple[Any, ...] = (None, True, 0, 7.5, 2**70, "", "x", [], [1], [[]], {}, {"x": 1}, "\ud800")
TIME = "2026-01-02T03:04:05Z"
GOOD: dict[str, dict[str, Any]] = {
    "mixpanel": {"event": "upgraded", "$token": "t"}
    | {"properties": {"distinct_id": "u1", "token": "t", "$insert_id": "i", "time": 1_700_000_000, "plan": "pro"}},
    "segment": {"type": "track", "event": "upgraded", "userId": "u1", "anonymousId": "a1", "messageId": "m1"}
    | {"timestamp": TIME, "properties": {"plan": "pro"}, "traits": {}, "context": {}}
    | {"name": "docs", "category": "all", "groupId": "g", "previousId": "p", "writeKey": "t", "batch": []},
    "posthog": {"event": "upgraded", "distinct_id": "u1", "uuid": "i", "timestamp": TIME, "api_key": "t", "token": "t"}
    | {"properties": {"distinct_id": "u1", "token": "t", "plan": "pro"}}
    | {"$set": {}, "$set_once": {}, "session_id": "s", "window_id": "w"},
    "cloudevents": {"specversion": "1.0", "id": "1", "source": "/", "type": "upgraded", "subject": "u1", "time": TIME}
    | {"data": {}, "data_base64": "eA==", "datacontentencoding": "base64"},
}
JSON = "application/json"
KINDS = {
    "mixpanel": (JSON, "application/x-ndjson", "application/x-www-form-urlencoded"),
    "segment": (JSON,),
    "posthog": (JSON,),
    "cloudevents": (JSON, "application/cloudevents+json", "application/cloudevents-batch+json"),
}


def spoilt(good: Any) -> Iterator[Any]:
    """Give everything that comes of putting something odd in one place."""
    yield from ODD
    if isinstance(good, dict):
        for name, value in good.items():
            yield from (good | {name: odd} for odd in spoilt(value))
            yield {kept: value for kept, value in good.items() if kept != name}


def bodies(record: dict[str, Any]) -> Iterator[Any]:
    """Give the forms in which a record may come."""
    for one in spoilt(record):
        yield from (one, [record, one], {"batch": [record, one]}, {"batch": one})


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_it_is_read_or_refused_and_answered(dialect: Dialect) -> None:
    sent = [json.dumps(body).encode() for body in bodies(GOOD[dialect.name])]
    paths = {path.rstrip("/") for path in dialect.paths}
    answers = [answered(dialect, path, kind, body) for path in paths for kind in KINDS[dialect.name] for body in sent]
    assert {True, False} == set(answers)


def answered(dialect: Dialect, path: str, kind: str, body: bytes) -> bool:
    """Say whether anything was taken; fail where the answer is not one that a client understands."""
    posted = Posted(Head(path, {"content-type": kind, "ce-specversion": "1.0"}, {}), body, 10)
    try:
        reading = dialect.read(posted)
    except Refusal as refusal:
        reply = dialect.refuse(refusal)
        assert 400 <= reply.status < 500
        assert json.loads(reply.body)
        return False
    assert all(isinstance(credential, str) for credential in reading.credentials)
    results = [checked(record) for record in reading.records]
    reply = dialect.answer(posted, reading, results)
    assert reply.status in (200, 202, 400, 422)
    wrong = any(result is not None and result.status == "rejected" for result in results)
    # Where nothing is wrong, nothing is refused: it would come again.
    assert wrong or not results or reply.status < 400
    return reply.status < 400


def checked(record: Any) -> Result | None:
    if record is None or isinstance(record, Result):
        return record
    try:
        read_envelope(record, 10_000)
    except InvalidEventError as error:
        return Result("rejected", None, str(error))
    return Result("accepted", "key")
