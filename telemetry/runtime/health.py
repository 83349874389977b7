"""What a daemon answers about itself: alive, ready, and its metrics."""

from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


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


class Health:
    """Answers what anyone asks of a daemon's state; `refresh` is awaited before metrics are told."""

    def __init__(
        self, readiness: Readiness, metrics: CollectorRegistry, refresh: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._readiness = readiness
        self._metrics = metrics
        self._refresh = refresh

    async def alive(self, _: Request) -> Response:
        """Say that the process is alive."""
        return JSONResponse({"status": "alive"})

    async def ready(self, _: Request) -> Response:
        """Say whether it can do its work now, and what it waits for: 503."""
        waiting = self._readiness.waiting
        status = "waiting" if waiting else "ready"
        return JSONResponse({"status": status, "waiting": waiting}, 503 if waiting else 200)

    async def scrape(self, _: Request) -> Response:
        """Give the metrics, for Prometheus."""
        if self._refresh:
            await self._refresh()
        return Response(generate_latest(self._metrics), media_type=CONTENT_TYPE_LATEST)


def health_app(health: Health) -> Starlette:
    """Make the application of a daemon that answers for itself only: `/healthz`, `/readyz` and `/metrics`."""
    return Starlette(
        routes=[
            Route("/healthz", health.alive),
            Route("/readyz", health.ready),
            Route("/metrics", health.scrape),
        ]
    )
