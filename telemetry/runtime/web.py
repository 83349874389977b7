"""Serving HTTP as a service among others: bound first, announced, and stopped with its answers finished."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import uvicorn
from starlette.applications import Starlette

from telemetry.core.errors import ConfigurationError
from telemetry.runtime.logs import get_logger

log = get_logger(__name__)

BACKLOG = 512
# An answer under way when the daemon stops has this many seconds to finish.
GRACE = 10
# Longer than proxies and clients keep a connection (60 s): who closes first must not be who is asked.
KEEP_ALIVE = 75


class WebService:
    """Serves an application until cancelled, then finishes the answers under way."""

    def __init__(self, app: Starlette, host: str, port: int, name: str = "web") -> None:
        self.name = name
        self._app = app
        self._listener = bind(host, port)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://{host}:{self.port}"

    async def run(self) -> None:
        """Answer requests until cancelled."""
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=GRACE,
            timeout_keep_alive=KEEP_ALIVE,
            backlog=BACKLOG,
        )
        server = _Server(config)
        async with anyio.create_task_group() as group:
            group.start_soon(_serve, server, self._listener)
            log.info("web.listening", service=self.name, url=self.url)
            try:
                await anyio.sleep_forever()
            finally:
                server.should_exit = True


def bind(host: str, port: int) -> socket.socket:
    """Take a TCP address (port 0: any); raise ConfigurationError when it is taken or is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}; choose another port") from error
    # Connections inherit it. asyncio forgets it here, and head and body of an answer then lie 40 ms apart.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    with anyio.CancelScope(shield=True):
        await server.serve(sockets=[listener])


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the daemon, which stops all its services together."""
        yield
