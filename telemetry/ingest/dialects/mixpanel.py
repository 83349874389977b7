"""Mixpanel's tracking API: /track and /import, and the profile updates that are answered and not kept."""

from base64 import b64decode
from typing import Any
from urllib.parse import parse_qsl

from telemetry.ingest.accept import Result
from telemetry.ingest.dialects.credentials import basic, bearer
from telemetry.ingest.dialects.dialect import (
    MIB,
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
    rejected,
    rest_of,
)
from telemetry.ingest.refusal import Refusal
from telemetry.ingest.wire import JSON_TYPES, NDJSON_TYPES, bounded, decode, parse_json, read_lines

IMPORT = "/import"
EVENTS = ("/track", IMPORT)
PROFILES = ("/engage", "/groups")
# They tell Mixpanel who is whom, and nobody what happened.
IDENTITY = ("$identify", "$create_alias", "$merge")
FIELDS = {"insert_id": "properties.$insert_id", "distinct_id": "properties.distinct_id", "time": "properties.time"}
MAX_FIELDS = 20


def credential(head: Head) -> str | None:
    """Give a service account's secret, or the project's, which is the user of Basic and has no password."""
    known = basic(head)
    return bearer(head) if known is None else known[1] or known[0]


def read(posted: Posted) -> Reading:
    """Read events or profile updates, in a form's `data` or as JSON, one or many."""
    kind = posted.kind
    text = decode(posted.body)
    if kind in NDJSON_TYPES:
        return _reading(posted, read_lines(text, posted.most), dict(posted.head.query))
    if kind in JSON_TYPES:
        return _reading(posted, parse_json(text), dict(posted.head.query))
    try:
        form = dict(posted.head.query) | dict(parse_qsl(text, max_num_fields=MAX_FIELDS, errors="strict"))
    except UnicodeDecodeError:
        raise Refusal(400, "data: not UTF-8 after its percent-encoding is undone") from None
    except ValueError:
        raise Refusal(400, f"body: at most {MAX_FIELDS} fields of a form are read") from None
    if "data" not in form:
        raise Refusal(400, "data: required, in a form; or send JSON with a Content-Type that says so")
    return _reading(posted, parse_json(_plain(form["data"])), form)


def translate(record: dict[str, Any]) -> Any:
    """Make an event of what was tracked, without the token; nothing of what only says who is whom."""
    if record.get("event") in IDENTITY:
        return None
    properties = record.get("properties")
    return event_of(
        event=record.get("event"),
        distinct_id=first_of(properties, "distinct_id", "$user_id", "$device_id"),
        properties=rest_of(properties, "token", "distinct_id", "time", "$insert_id"),
        time=first_of(properties, "time"),
        insert_id=first_of(properties, "$insert_id"),
    )


def answer(posted: Posted, reading: Reading, results: Results) -> Reply:
    """Say 1 where any was taken, or as /import does with the records that were not."""
    wrong = rejected(results)
    none = bool(wrong) and len(wrong) == len(results)
    if posted.path == IMPORT and posted.kind in (*JSON_TYPES, *NDJSON_TYPES):
        return _imported(posted, reading, wrong, none, len(results))
    if not reading.verbose:
        return Reply(200, "0" if none else "1", "text/plain")
    error = f"{len(wrong)} of {len(results)} rejected: {wrong[0][1].error}" if wrong else None
    return Reply.of(400 if none else 200, {"status": 0 if none else 1, "error": error})


def refuse(refusal: Refusal) -> Reply:
    """Say why nothing was taken, in the fields that its clients read."""
    return Reply.of(refusal.status, {"code": refusal.status, "status": 0, "error": refusal.error})


def _reading(posted: Posted, value: Any, said: dict[str, str]) -> Reading:
    records = bounded(value if isinstance(value, list) else [value], posted.most)
    verbose = said.get("verbose") == "1"
    if posted.path in PROFILES:
        tokens = credentials_of(first_of(record, "$token") for record in records)
        return Reading([None] * len(records), tokens, verbose)
    tokens = credentials_of(first_of(first_of(record, "properties"), "token") for record in records)
    return Reading(each_of(records, translate), tokens, verbose)


def _imported(posted: Posted, reading: Reading, wrong: list[tuple[int, Result]], none: bool, count: int) -> Reply:
    counted = {"num_records_imported": count - len(wrong)}
    if not none and (not wrong or posted.head.query.get("strict") != "1"):
        return Reply.of(200, {"code": 200, "status": "OK"} | counted)
    failed = [_failed(at, reading.records[at], result) for at, result in wrong]
    error = "some data points in the request failed validation"
    return Reply.of(400, {"code": 400, "status": "Bad Request", "error": error, "failed_records": failed} | counted)


def _failed(at: int, record: Any, result: Result) -> dict[str, Any]:
    named = (result.error or "").partition(":")[0]
    insert_id = str(first_of(record, "insert_id") or "")
    field = FIELDS.get(named, named if " " not in named else "")
    return {"index": at, "insert_id": insert_id, "$insert_id": insert_id, "field": field, "message": result.error}


def _plain(data: str) -> str:
    if data.lstrip()[:1] in ("{", "["):
        return data
    try:
        # A client that forgets to escape "+" in a form has sent a space.
        return decode(b64decode(data.replace(" ", "+"), validate=True))
    except ValueError:
        raise Refusal(400, "data: expected JSON, or JSON in base64") from None


MIXPANEL = Dialect(
    name="mixpanel",
    paths=tuple(f"{path}{end}" for path in (*EVENTS, *PROFILES) for end in ("", "/")),
    # What its own /import takes.
    max_body_bytes=10 * MIB,
    max_events=2000,
    wants="token: expected a key of this ingest, in the properties or as the user or the password of Basic",
    credential=credential,
    read=read,
    answer=answer,
    refuse=refuse,
)
