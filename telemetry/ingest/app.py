"""The HTTP surface of ingest."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from telemetry.ingest.answers import ErrorAnswer, IngestAnswer, answer
from telemetry.ingest.auth import source_of
from telemetry.ingest.envelope import Envelope
from telemetry.ingest.intake import Intake
from telemetry.ingest.metrics import IngestMetrics
from telemetry.ingest.refusal import Refusal, busy
from telemetry.ingest.wire import JSON_TYPES, NDJSON_TYPES, Inflater, read_events
from telemetry.runtime.config import IngestLimits
from telemetry.runtime.health import Readiness, health_routes

ERRORS = {
    400: "The body cannot be read.",
    401: "No known key.",
    413: "The body or the number of events is over the limit.",
    415: "Neither JSON nor NDJSON, or an unknown encoding.",
    503: "Not now: send the same again after Retry-After, it is safe.",
}
EVENT = Envelope.model_json_schema()
FORMS = {
    "oneOf": [
        EVENT,
        {"type": "array", "items": EVENT},
        {"type": "object", "required": ["events"], "properties": {"events": {"type": "array", "items": EVENT}}},
    ]
}
DESCRIPTION = {
    "security": [{"key": []}, {}],
    "requestBody": {
        "required": True,
        "description": 'One event, an array, `{"events": […]}`, or one event a line. May be gzipped.',
        "content": {JSON_TYPES[0]: {"schema": FORMS}, NDJSON_TYPES[0]: {"schema": {"type": "string"}}},
    },
}


class Door:
    """What the routes need; `intake` is absent while the database is."""

    def __init__(self, limits: IngestLimits, keys: Mapping[str, SecretStr], metrics: IngestMetrics) -> None:
        self.limits = limits
        self.keys = keys
        self.metrics = metrics
        self.intake: Intake | None = None

    async def take(self, request: Request) -> Response:
        """Answer one request."""
        try:
            source = source_of(request.headers.get("authorization"), self.keys)
            body = await self._read(request)
            submitted = read_events(body, request.headers.get("content-type", ""), self.limits.max_events)
            if self.intake is None:
                raise busy("ingest waits for the database")
            status, text = answer(await self.intake.take(submitted, source))
        except Refusal as refusal:
            self.metrics.requests.labels(refusal.status).inc()
            return JSONResponse({"error": refusal.error}, refusal.status, refusal.headers)
        self.metrics.requests.labels(status).inc()
        return Response(text, status, media_type="application/json")

    async def _read(self, request: Request) -> bytes:
        inflater = Inflater(request.headers.get("content-encoding", "").strip().lower(), self.limits.max_body_bytes)
        async for piece in request.stream():
            inflater.feed(piece)
        return inflater.body()


def make_app(door: Door, readiness: Readiness, registry: CollectorRegistry) -> FastAPI:
    """Make the application."""
    app = FastAPI(
        title="tellonce ingest", version=version("tellonce"), summary="Report a fact; every consumer hears of it once."
    )
    app.include_router(health_routes(readiness, registry))
    responses: dict[int | str, dict[str, Any]] = {
        202: {"model": IngestAnswer, "description": "At least one event is valid; each is answered for."},
        422: {"model": IngestAnswer | ErrorAnswer, "description": "No event is valid."},
        **{status: {"model": ErrorAnswer, "description": why} for status, why in ERRORS.items()},
    }

    @app.post(
        "/ingest",
        status_code=202,
        responses=responses,
        openapi_extra=DESCRIPTION,
        tags=["ingest"],
        summary="Report facts",
    )
    async def ingest(request: Request) -> Response:
        with door.metrics.seconds.time():
            return await door.take(request)

    _describe_key(app)
    return app


def _describe_key(app: FastAPI) -> None:
    described = app.openapi()
    described.setdefault("components", {})["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
