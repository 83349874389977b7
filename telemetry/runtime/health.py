"""What a daemon answers about itself: alive, ready, and its metrics."""

from collections.abc import Callable

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


class Readiness:
    """What this daemon still waits for, by name; ready when it waits for nothing."""

    def __init__(self, *awaited: str) -> None:
        self._waiting = dict.fromkeys(awaited, "starting")

    def lacks(self, what: str, why: str) -> None:
        """Note that something is needed and away."""
        self._waiting[what] = why

    def has(self, what: str) -> None:
        """Note that something is there."""
        self._waiting.pop(what, None)

    @property
    def waiting(self) -> dict[str, str]:
        """What is awaited, and why."""
        return dict(self._waiting)


def health_routes(
    readiness: Readiness, metrics: CollectorRegistry, look: Callable[[], None] | None = None
) -> APIRouter:
    """Make the routes `/healthz`, `/readyz` and `/metrics`; `look` refreshes readiness before an answer."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Is the process alive?")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @router.get(
        "/readyz", summary="Can it do its work now?", responses={503: {"description": "It waits for something."}}
    )
    async def readyz() -> JSONResponse:
        if look is not None:
            look()
        waiting = readiness.waiting
        status = "waiting" if waiting else "ready"
        return JSONResponse({"status": status, "waiting": waiting}, 503 if waiting else 200)

    @router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
    async def scrape() -> Response:
        return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)

    return router
