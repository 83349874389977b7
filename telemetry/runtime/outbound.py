"""Requests to the outside: each is one try, nothing leaves late, and nothing is sent on an old record."""

import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp

from telemetry.core.errors import StaleError

Fresh = Callable[[], bool]
# Looks at an address right before it is connected to; raises OSError where it must not be.
Guard = Callable[[str], None]


@asynccontextmanager
async def open_outbound(
    seconds: float, headers: Mapping[str, str], guard: Guard = lambda _: None, **more: Any
) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session whose tries take at most so many seconds.

    A request needs `trace_request_ctx`, a `Fresh`: where it says no right before the first byte, nothing is
    sent and StaleError raised.
    """
    trace = aiohttp.TraceConfig()
    # Both mark the moment when a connection is in hand and the first byte has not left.
    trace.on_connection_create_end.append(_check_fresh)
    trace.on_connection_reuseconn.append(_check_fresh)
    connector = aiohttp.TCPConnector(limit=0, socket_factory=_guarded(guard))
    timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=seconds / 2)
    async with aiohttp.ClientSession(
        connector=connector, headers=headers, timeout=timeout, trace_configs=[trace], **more
    ) as session:
        yield session


async def _check_fresh(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
    if not context.trace_request_ctx():
        raise StaleError


def _guarded(guard: Guard) -> Callable[[Any], socket.socket]:
    def make(address: Any) -> socket.socket:
        family, kind, protocol, _, where = address
        guard(where[0])
        made = socket.socket(family=family, type=kind, proto=protocol)
        made.setblocking(False)
        # A request that timed out must not be delivered late: closing drops what the kernel has not sent yet.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        return made

    return make
