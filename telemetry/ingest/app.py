"""The HTTP surface of ingest."""

from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

import anyio
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from telemetry.core.warning import OTHER, Kind
from telemetry.ingest.accept import Result
from telemetry.ingest.answers import TOO_LARGE, answer
from telemetry.ingest.auth import Callers
from telemetry.ingest.description import PATH, AliveAnswer, ReadyAnswer, Responses, answers, describe, request
from telemetry.ingest.intake import Intake
from telemetry.ingest.interpreter import serve_dialects
from telemetry.ingest.metrics import IngestMetrics
from telemetry.ingest.refusal import Refusal, busy
from telemetry.ingest.warner import Warner
from telemetry.ingest.wire import Inflater, reader_of, too_large
from telemetry.runtime.config import IngestLimits
from telemetry.runtime.health import Health, Readiness

# A body that trickles in holds memory and says nothing.
BODY_SECONDS = 30.0


class Door:
    """What the routes need; what is absent is so while the database is."""

    def __init__(self, limits: IngestLimits, metrics: IngestMetrics) -> None:
        self.limits = limits
        self.metrics = metrics
        self.callers: Callers | None = None
        self.intake: Intake | None = None
        self.warner: Warner | None = None

    async def source_of(self, authorization: str | None) -> str:
        """Name the source of a request; raise Refusal where it is nobody's, or where nobody can tell."""
        if self.callers is None:
            raise busy("ingest waits for the database")
        return await self.callers.source_of(authorization)

    def warn_of(self, refusal: Refusal, source: str, said: str) -> None:
        """Warn of a request that is refused for its size."""
        if refusal.status == TOO_LARGE and self.warner is not None:
            self.warner.warn(Kind.OVERSIZE, OTHER, source, said)

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
        source = await self.source_of(request.headers.get("authorization"))
        try:
            submitted = await self._read(request)
        except Refusal as refusal:
            self.warn_of(refusal, source, refusal.error)
            raise
        # It may have been revoked while its body came.
        source = await self.source_of(request.headers.get("authorization"))
        if self.intake is None:
            raise busy("ingest waits for the database")
        return await self.intake.take(submitted, source)

    async def _read(self, request: Request) -> Sequence[Any]:
        headers = request.headers
        read = reader_of(headers.get("content-type", ""), self.limits.max_events)
        inflater = Inflater(headers.get("content-encoding", ""), self.limits.max_body_bytes)
        if int(headers.get("content-length") or 0) > self.limits.max_body_bytes:
            raise too_large(self.limits.max_body_bytes)
        return read(await _body(request, inflater))


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

    @app.post(
        PATH,
        status_code=202,
        responses=answers(),
        openapi_extra=request(door.limits),
        tags=["ingest"],
        summary="Report facts",
    )
    async def ingest(request: Request) -> Response:
        with door.metrics.seconds.time():
            return await door.take(request)

    serve_dialects(app, door, _body)
    describe(app, lambda: door.callers is not None and door.callers.open)
    return app


def _add_health(app: FastAPI, health: Health) -> None:
    alive: Responses = {200: {"model": AliveAnswer}}
    waits: Responses = {
        200: {"model": ReadyAnswer},
        503: {"model": ReadyAnswer, "description": "It waits for something."},
    }
    add = partial(app.add_api_route, tags=["health"])
    add("/healthz", health.alive, summary="Is the process alive?", responses=alive)
    add("/readyz", health.ready, summary="Can it do its work now?", responses=waits)
    add("/metrics", health.scrape, summary="Metrics for Prometheus", response_class=PlainTextResponse)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _failed(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"ingest failed ({type(error).__name__}); its log says more"}, 500)
