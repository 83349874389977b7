"""One try of one post: every try is the courier's decision, none is the library's."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp

from bot.verdict import Answer, NoAnswer

USER_AGENT = "DiscordBot (https://github.com/tellonce/tellonce, 0.1)"


class StaleRecordError(Exception):
    """Too long ago was written down what is to be posted: another bot may have posted it since."""


Fresh = Callable[[], bool]


class Poster:
    """Posts with the bot's token; open it as a context."""

    def __init__(self, session: aiohttp.ClientSession, api_base: str) -> None:
        self._session = session
        self._api_base = api_base.rstrip("/")

    async def post(self, channel: str, payload: dict[str, Any], fresh: Fresh) -> Answer | NoAnswer:
        """Try once; raise StaleRecordError, with nothing sent, when `fresh` says no right before the first byte."""
        url = f"{self._api_base}/channels/{channel}/messages"
        try:
            async with self._session.post(url, json=payload, trace_request_ctx=fresh) as response:
                return Answer(response.status, response.headers, await response.read())
        except aiohttp.ClientConnectorError as error:
            return NoAnswer(f"no connection to Discord: {error.strerror or error}", certain=True)
        except aiohttp.ConnectionTimeoutError:
            return NoAnswer("no connection to Discord within the time limit", certain=True)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return NoAnswer(f"the answer was lost: {error!r}"[:200], certain=False)


@asynccontextmanager
async def open_poster(token: str, api_base: str, seconds: float) -> AsyncIterator[Poster]:
    """Open a poster whose tries take at most so many seconds."""
    trace = aiohttp.TraceConfig()
    # Both mark the moment when a connection is in hand and the first byte has not left.
    trace.on_connection_create_end.append(_check_fresh)
    trace.on_connection_reuseconn.append(_check_fresh)
    connector = aiohttp.TCPConnector(limit=0, socket_factory=_abortive_socket)
    headers = {"Authorization": f"Bot {token}", "User-Agent": USER_AGENT}
    timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=seconds / 2)
    async with aiohttp.ClientSession(
        connector=connector, headers=headers, timeout=timeout, trace_configs=[trace]
    ) as session:
        yield Poster(session, api_base)


async def _check_fresh(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
    if not context.trace_request_ctx():
        raise StaleRecordError


def _abortive_socket(address: Any) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setblocking(False)
    # A post that timed out must not be delivered late: closing drops what the kernel has not sent yet.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    return made
