"""PostHog's capture API, in both forms that the package `posthog` speaks, and its question for feature flags."""

from collections.abc import Sequence
from typing import Any

from telemetry.ingest.accept import Result
from telemetry.ingest.dialects.credentials import bearer
from telemetry.ingest.dialects.dialect import (
    MIB,
    Dialect,
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
    rest_of,
    told,
)
from telemetry.ingest.refusal import Refusal
from telemetry.ingest.wire import bounded, decode, parse_json

FLAGS = ("/flags", "/decide")
# The form that answers for each event by its uuid.
BY_EVENT = "/i/v1/analytics/events"
CAPTURES = ("/batch", "/capture", "/e", "/i/v0/e", "/i/v0/ai/batch", BY_EVENT)
KEYS = ("api_key", "token")
WHO = ("distinct_id", "$distinct_id", "within")
# Spelt beside the properties by one form, among them by the other.
BESIDE = {
    "$set": "$set",
    "$set_once": "$set_once",
    "session_id": "$session_id",
    "window_id": "$window_id",
}
NO_FLAGS = {"flags": {}, "featureFlags": {}, "featureFlagPayloads": {}, "errorsWhileComputingFlags": False}
TYPES = {401: "authentication_error", 429: "throttled_error", 503: "server_error"}


def read(posted: Posted) -> Reading:
    """Read a batch, one event, or a question for flags."""
    body = parse_json(decode(posted.body))
    if isinstance(body, list):
        body = {"batch": body}
    body = object_of(body)
    if posted.path in FLAGS:
        return Reading([], credentials_of([_key(body)]))
    captured = bounded(list_of(body["batch"], "batch") if "batch" in body else [body], posted.most)
    named = [_key(body)] if _key(body) else [_key(event) or _key(first_of(event, "properties")) for event in captured]
    credentials = credentials_of(named)
    secrets = [*credentials, bearer(posted.head)]
    return Reading(each_of(captured, lambda event: translate(event, secrets)), credentials)


def translate(event: dict[str, Any], secrets: Sequence[str | None]) -> dict[str, Any]:
    """Make an event of what was captured, without the project's key among its properties."""
    properties: Any = event.get("properties")
    kept = properties
    if is_plain(properties):
        keys = [name for name in KEYS if properties.get(name) and properties[name] in secrets]
        beside = {ours: event[theirs] for theirs, ours in BESIDE.items() if event.get(theirs) is not None}
        kept = beside | rest_of(properties, "distinct_id", *keys)
    return event_of(
        event=event.get("event"),
        distinct_id=first_of({"within": first_of(properties, "distinct_id")} | event, *WHO),
        properties=kept,
        time=event.get("timestamp"),
        insert_id=event.get("uuid"),
    )


def answer(posted: Posted, reading: Reading, results: Results) -> Reply:
    """Say that it was taken; for each event where the form has a place for that."""
    if posted.path in FLAGS:
        return Reply.of(200, NO_FLAGS)
    if posted.path == BY_EVENT:
        return Reply.of(200, {"results": dict(map(_verdict, reading.records, results))})
    wrong = told(results)
    if wrong and len(rejected(results)) == len(results):
        return refuse(Refusal(400, wrong[0]["message"]))
    return Reply.of(200, {"status": 1} | ({"rejected": wrong} if wrong else {}))


def refuse(refusal: Refusal) -> Reply:
    """Say why nothing was taken, in the field that its clients read."""
    kind = TYPES.get(refusal.status, "validation_error")
    return Reply.of(refusal.status, {"type": kind, "code": kind, "detail": refusal.error, "attr": None})


def _verdict(event: Any, result: Result | None) -> tuple[str, dict[str, Any]]:
    uuid = str(first_of(event, "insert_id", "uuid") or "")
    if result is None or result.status in ("accepted", "duplicate"):
        return uuid, {"result": "ok"}
    return uuid, {"result": "drop" if result.status == "rejected" else "warning", "details": result.error}


def _key(record: Any) -> Any:
    return first_of(record, *KEYS)


POSTHOG = Dialect(
    name="posthog",
    paths=tuple(f"{path}{end}" for path in (*CAPTURES, *FLAGS) for end in ("", "/")),
    # What its own servers take; the package keeps a batch below 6 MiB, or 13 MiB of what it calls AI events.
    max_body_bytes=20 * MIB,
    max_events=5000,
    wants="api_key: expected a key of this ingest as the project's key",
    credential=bearer,
    read=read,
    answer=answer,
    refuse=refuse,
)
