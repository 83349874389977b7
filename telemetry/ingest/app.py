"""The HTTP surface of ingest."""

from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

import anyio
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from telemetry.ingest.accept import Result
from telemetry.ingest.answers import ErrorAnswer, IngestAnswer, answer
from telemetry.ingest.auth import source_of
from telemetry.ingest.envelope import Envelope
from telemetry.ingest.intake import Intake
from telemetry.ingest.interpreter import serve_dialects
from telemetry.ingest.metrics import IngestMetrics
from telemetry.ingest.refusal import Refusal, busy
from telemetry.ingest.wire import JSON_TYPES, NDJSON_TYPES, Inflater, reader_of, too_large
from telemetry.runtime.config import IngestLimits
from telemetry.runtime.health import Health, Readiness

# A body that trickles in holds memory and says nothing.
BODY_SECONDS = 30.0
ERRORS = {
    400: "The body cannot be read.",
    401: "No known key.",
    408: "The body did not come in time.",
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
            status, text = answer(await self._take(request))
        except Refusal as refusal:
            self.metrics.requests.labels(refusal.status).inc()
            return JSONResponse({"error": refusal.error}, refusal.status, refusal.headers)
        self.metrics.requests.labels(status).inc()
        return Response(text, status, media_type="application/json")

    async def _take(self, request: Request) -> Sequence[Result]:
        headers = request.headers
        source = source_of(headers.get("authorization"), self.keys)
        read = reader_of(headers.get("content-type", ""), self.limits.max_events)
        inflater = Inflater(headers.get("content-encoding", ""), self.limits.max_body_bytes)
        if int(headers.get("content-length") or 0) > self.limits.max_body_bytes:
            raise too_large(self.limits.max_body_bytes)
        submitted = read(await _body(request, inflater))
        if self.intake is None:
            raise busy("ingest waits for the database")
        return await self.intake.take(submitted, source)


async def _body(request: Request, inflater: Inflater) -> bytes:
    try:
        with anyio.fail_after(BODY_SECONDS):
            async for piece in request.stream():
                inflater.feed(piece)
    except TimeoutError:
        raise Refusal(408, f"body: not complete after {BODY_SECONDS:g} s", {"Connection": "close"}) from None
    except ClientDisconnect:
        # Nobody reads this; the counter does.
        raise Refusal(400, "body: cut short") from None
    return inflater.body()


def make_app(door: Door, readiness: Readiness, registry: CollectorRegistry) -> FastAPI:
    """Make the application."""
    app = FastAPI(
        title="tellonce ingest", version=version("tellonce"), summary="Report a fact; every consumer hears of it once."
    )
    _add_health(app, Health(readiness, registry))
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _failed)
    responses: dict[int | str, dict[str, Any]] = {
        202: {"model": IngestAnswer, "description": "At least one event is valid; each is answered for."},
        413: {"model": IngestAnswer | ErrorAnswer, "description": "The body, each event or their number is too large."},
        422: {"model": IngestAnswer | ErrorAnswer, "description": "No event is valid."},
        **{status: {"model": ErrorAnswer, "description": why} for status, why in ERRORS.items()},
    }

    @app.post(
        "/ingest",
        status_code=202,
        responses=responses,
        openapi_extra=DESCRIPTION | {"security": [{"key": []}] if door.keys else [{"key": []}, {}]},
        tags=["ingest"],
        summary="Report facts",
    )
    async def ingest(request: Request) -> Response:
        with door.metrics.seconds.time():
            return await door.take(request)

    serve_dialects(app, door, _body)
    _describe_key(app)
    return app


def _add_health(app: FastAPI, health: Health) -> None:
    waits: dict[int | str, dict[str, Any]] = {503: {"description": "It waits for something."}}
    add = partial(app.add_api_route, tags=["health"])
    add("/healthz", health.alive, summary="Is the process alive?")
    add("/readyz", health.ready, summary="Can it do its work now?", responses=waits)
    add("/metrics", health.scrape, summary="Metrics for Prometheus", response_class=PlainTextResponse)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _failed(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"ingest failed ({type(error).__name__}); its log says more"}, 500)


def _describe_key(app: FastAPI) -> None:
    described = app.openapi()
    described.setdefault("components", {})["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
