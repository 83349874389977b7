"""Segment's tracking API, as `segment-analytics-python` and its sisters in other languages speak it."""

from typing import Any

from telemetry.ingest.dialects.credentials import basic, bearer
from telemetry.ingest.dialects.dialect import (
    Dialect,
    Head,
    Posted,
    Reading,
    Reply,
    Results,
    credentials_of,
    each_of,
    event_of,
    first_of,
    is_plain,
    list_of,
    object_of,
    rejected,
    told,
)
from telemetry.ingest.refusal import Refusal
from telemetry.ingest.wire import bounded, decode, parse_json

BATCHES = ("/v1/batch", "/v1/import")
CALLS = {f"/v1/{name}": name for name in ("track", "identify", "page", "screen", "group", "alias")}
# Beside the properties: what a later reader may ask for, under names that no property of Segment's has.
BESIDE = {
    "context": "$context",
    "anonymousId": "$anonymous_id",
    "groupId": "$group_id",
    "previousId": "$previous_id",
    "name": "$name",
    "category": "$category",
}
CODES = {401: "invalid_write_key", 413: "too_large", 429: "rate_limited", 503: "unavailable"}


def credential(head: Head) -> str | None:
    """Give the write key, which is the user of Basic; or a bearer token."""
    user = basic(head)
    return bearer(head) if user is None else user[0]


def read(posted: Posted) -> Reading:
    """Read a batch, or one call whose path says what it is."""
    body = object_of(parse_json(decode(posted.body)))
    credentials = credentials_of([body.get("writeKey")])
    call = CALLS.get(posted.head.path)
    if call is not None:
        return Reading(each_of([{**body, "type": call}], translate), credentials)
    calls = bounded(list_of(body.get("batch"), "batch"), posted.most)
    shared = {"context": body.get("context")}
    return Reading(each_of(calls, lambda one: translate(shared | one)), credentials)


def translate(call: dict[str, Any]) -> dict[str, Any]:
    """Make an event of one call: a track is what it names, any other is named by what it is."""
    kind = call.get("type")
    properties = first_of(call, "properties", "traits") or {}
    if is_plain(properties):
        beside = {ours: call[theirs] for theirs, ours in BESIDE.items() if call.get(theirs) not in (None, "", {})}
        properties = properties | beside
    return event_of(
        event=call.get("event") if kind == "track" else kind,
        distinct_id=first_of(call, "userId", "anonymousId"),
        properties=properties,
        time=first_of(call, "timestamp", "originalTimestamp"),
        insert_id=call.get("messageId"),
    )


def answer(_: Posted, __: Reading, results: Results) -> Reply:
    """Say success where anything was taken: its clients drop a batch, or send all of it again."""
    wrong = told(results)
    if wrong and len(rejected(results)) == len(results):
        return Reply.of(400, {"success": False, "code": "invalid_request", "message": wrong[0]["message"]})
    return Reply.of(200, {"success": True} | ({"rejected": wrong} if wrong else {}))


def refuse(refusal: Refusal) -> Reply:
    """Say why nothing was taken, with the code that its clients read."""
    code = CODES.get(refusal.status, "invalid_request")
    return Reply.of(refusal.status, {"success": False, "code": code, "message": refusal.error})


SEGMENT = Dialect(
    name="segment",
    paths=(*BATCHES, *CALLS),
    # Its clients keep a batch below 500 KB and a call below 32 KB.
    max_body_bytes=500_000,
    max_events=2500,
    wants="write key: expected a key of this ingest, as the user of Basic or as `writeKey`",
    credential=credential,
    read=read,
    answer=answer,
    refuse=refuse,
)
