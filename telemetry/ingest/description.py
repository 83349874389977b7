"""What the API says of itself: every answer it may give, and every form of request it takes."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel

from telemetry.ingest.answers import ErrorAnswer, IngestAnswer
from telemetry.ingest.envelope import NO_NUL, Envelope
from telemetry.ingest.values import MAX_INTEGER
from telemetry.ingest.wire import JSON_TYPES, NDJSON_TYPES
from telemetry.runtime.config import IngestLimits

Responses = dict[int | str, dict[str, Any]]
PATH = "/ingest"
EVENT = {"$ref": "#/components/schemas/Event"}
# What can be stored of JSON, down to a depth that no schema can say.
VALUE = {"$ref": "#/components/schemas/Value"}
OBJECT = {"type": "object", "propertyNames": {"pattern": NO_NUL}, "additionalProperties": VALUE}
ANY_VALUE = {
    "anyOf": [
        {"type": ["null", "boolean", "string"]},
        {"type": "number", "minimum": -MAX_INTEGER, "maximum": MAX_INTEGER - 1},
        {"type": "array", "items": VALUE},
        OBJECT,
    ]
}
AGAIN = {
    "Retry-After": {
        "description": "After so many seconds the same may be sent again.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    }
}
CHALLENGE = {"WWW-Authenticate": {"required": True, "schema": {"type": "string", "enum": ["Bearer"]}}}
ERRORS: Mapping[int, str] = {
    400: "The body cannot be read.",
    401: "No known key.",
    408: "The body did not come in time.",
    415: "Neither JSON nor NDJSON, or an unknown encoding.",
    429: "More events than the rate of this source allows: send the same again after Retry-After.",
    500: "It cannot be stored, or ingest has a defect; nothing is known of the events.",
    503: "Not now: send the same again after Retry-After, it is safe.",
}
HEADERS: Mapping[int, Any] = {401: CHALLENGE, 429: AGAIN, 503: AGAIN}


class AliveAnswer(BaseModel):
    """The process is alive."""

    status: Literal["alive"]


class ReadyAnswer(BaseModel):
    """Whether it can do its work now."""

    status: Literal["ready", "waiting"]
    waiting: dict[str, str]


def answers() -> Responses:
    """Describe what `POST /ingest` may answer."""
    several = IngestAnswer | ErrorAnswer
    responses: Responses = {
        202: {"model": IngestAnswer, "description": "At least one event is valid; each is answered for."},
        413: {"model": several, "description": "The body, each event or their number is too large."},
        422: {"model": several, "description": "No event is valid."},
    }
    for status, why in ERRORS.items():
        responses[status] = {"model": ErrorAnswer, "description": why} | _headers(status)
    return responses


def request(limits: IngestLimits) -> dict[str, Any]:
    """Describe what `POST /ingest` takes."""
    events = {
        "type": "array",
        "minItems": 1,
        "maxItems": limits.max_events,
        # Whatever else is in it is answered for, each as rejected.
        "contains": EVENT,
        "items": {"anyOf": [EVENT, {}]},
    }
    wrapped = {
        "type": "object",
        "required": ["events"],
        "properties": {"events": events},
        "additionalProperties": False,
    }
    return {
        "requestBody": {
            "required": True,
            "description": 'One event, an array, `{"events": […]}`, or one event a line, of which at least one is '
            f"valid: at most {limits.max_body_bytes} bytes, also after decompression, and {limits.max_event_bytes} an "
            "event. May be gzipped (Content-Encoding).",
            "content": {
                JSON_TYPES[0]: {"schema": {"anyOf": [EVENT, events, wrapped]}},
                NDJSON_TYPES[0]: {"schema": {"type": "string", "minLength": 1}},
            },
        },
    }


def describe(app: FastAPI, is_open: Callable[[], bool]) -> None:
    """Let the application say what it is; whether it asks for a key, as it is at that moment."""
    described = app.openapi()
    parts = described.setdefault("components", {})
    parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    parts["schemas"] |= {"Event": _event(), "Value": ANY_VALUE}
    ingest = described["paths"][PATH]["post"]

    def current() -> dict[str, Any]:
        ingest["security"] = [{"key": []}, {}] if is_open() else [{"key": []}]
        return described

    app.openapi = current  # type: ignore[method-assign]


def _event() -> dict[str, Any]:
    event = Envelope.model_json_schema()
    event["properties"]["properties"]["anyOf"] = [OBJECT, {"type": "null"}]
    return event


def _headers(status: int) -> dict[str, Any]:
    return {"headers": HEADERS[status]} if status in HEADERS else {}
