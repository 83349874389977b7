"""CloudEvents over HTTP, in structured, batched and binary mode."""

import re
from base64 import b64encode
from typing import Any
from urllib.parse import unquote

from telemetry.core.canonical import digest
from telemetry.ingest.accept import Result
from telemetry.ingest.answers import answer as answered
from telemetry.ingest.dialects.credentials import bearer
from telemetry.ingest.dialects.dialect import (
    MIB,
    Dialect,
    Head,
    Posted,
    Reading,
    Reply,
    Results,
    each_of,
    event_of,
    is_plain,
    list_of,
)
from telemetry.ingest.envelope import MAX_NAME
from telemetry.ingest.refusal import Refusal
from telemetry.ingest.wire import bounded, decode, parse_json

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
PREFIX = "ce-"
VERSIONS = ("1.0", "0.3")
REQUIRED = ("specversion", "id", "source", "type")
# What has a place of its own in an event, or says only how the data is written.
PLACED = {*REQUIRED, "subject", "time", "data", "data_base64", "datacontenttype", "datacontentencoding"} - {"source"}
# In an identity, a space stands between source and id, which so cannot hold one.
_ESCAPES = str.maketrans({"%": "%25", " ": "%20"})
_JSON = re.compile(r"[^/]+/(?:[^;]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
_QUOTED_PAIR = re.compile(r"\\(.)")


def read(posted: Posted) -> Reading:
    """Read one event or a batch: the type says which, and `ce-` headers say binary."""
    kind = posted.kind
    if kind == BATCHED:
        return Reading(each_of(bounded(list_of(parse_json(decode(posted.body)), "body"), posted.most), translate))
    if kind == STRUCTURED:
        return Reading(each_of([parse_json(decode(posted.body))], translate))
    if f"{PREFIX}specversion" in posted.head.headers:
        return Reading([translate(_binary(posted))])
    expected = f"{STRUCTURED}, {BATCHED} or `ce-` headers"
    raise Refusal(415, f"Content-Type: expected {expected}, not {kind or 'nothing'}")


def translate(event: dict[str, Any]) -> Any:
    """Make an event of one of theirs, or say which attribute is wrong."""
    for name in REQUIRED:
        if not isinstance(event.get(name), str) or not event[name]:
            return Result("rejected", None, f"{name}: required, as text that is not empty")
    if event["specversion"] not in VERSIONS:
        return Result("rejected", None, f"specversion: expected {' or '.join(VERSIONS)}")
    return event_of(
        event=event["type"],
        distinct_id=event.get("subject") or event["source"],
        properties=_attributes(event) | _data(event),
        time=event.get("time"),
        insert_id=identity(event["source"], event["id"]),
    )


def identity(source: str, name: str) -> str:
    """Join source and id, which only together name an occurrence, so that no two pairs come to the same."""
    joined = f"{source.translate(_ESCAPES)} {name.translate(_ESCAPES)}"
    # Clouds name their sources at length. A digest is no other pair: it holds no space.
    return joined if len(joined) <= MAX_NAME else f"sha256-{digest(joined)}"


def answer(_: Posted, __: Reading, results: Results) -> Reply:
    """Answer as /ingest does: CloudEvents leaves it open."""
    return Reply(*answered([result for result in results if result is not None]))


def refuse(refusal: Refusal) -> Reply:
    """Refuse as /ingest does."""
    return Reply.of(refusal.status, {"error": refusal.error})


def _attributes(event: dict[str, Any]) -> dict[str, Any]:
    return {f"${name}": value for name, value in event.items() if name not in PLACED and value is not None}


def _data(event: dict[str, Any]) -> dict[str, Any]:
    data = event.get("data")
    if event.get("data_base64") is not None:
        return {"data_base64": event["data_base64"]}
    if event.get("datacontentencoding") == "base64":
        return {"data_base64": data}
    if data is None:
        return {}
    return data if is_plain(data) else {"data": data}


def _binary(posted: Posted) -> dict[str, Any]:
    headers = posted.head.headers
    event = {name.removeprefix(PREFIX): _attribute(name, headers[name]) for name in headers if name.startswith(PREFIX)}
    kind = headers.get("content-type", "application/json")
    if not posted.body:
        return event
    if _JSON.fullmatch(kind.strip()):
        return event | {"data": parse_json(decode(posted.body))}
    try:
        return event | {"data": posted.body.decode()}
    except UnicodeDecodeError:
        return event | {"data_base64": b64encode(posted.body).decode()}


def _attribute(name: str, value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = _QUOTED_PAIR.sub(r"\1", value[1:-1])
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        # Whatever it were read as, another event could be read as the same.
        raise Refusal(400, f"{name}: not UTF-8 after its percent-encoding is undone") from None


def credential(head: Head) -> str:
    """Give the bearer token: the protocol has no place of its own for one."""
    return bearer(head) or ""


CLOUDEVENTS = Dialect(
    name="cloudevents",
    paths=("/cloudevents", "/cloudevents/"),
    max_body_bytes=MIB,
    max_events=1000,
    wants="Authorization: expected `Bearer` and a key of this ingest",
    credential=credential,
    read=read,
    answer=answer,
    refuse=refuse,
)
