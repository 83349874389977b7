"""An HTTP relay between a daemon and whomever it tells, past the places where a strike may fall."""

import re
from contextlib import suppress
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from tests.crash.crossings import Passage, Side
from tests.loopback import listen

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})
_ID = re.compile(r"\d{5,}")


class Relay:
    """Passes requests on, one by one; Discord's gateway is not its business."""

    def __init__(self, base: str, passage: Passage) -> None:
        self._base = base
        self._passage = passage
        self._runner: web.AppRunner | None = None
        self.base = ""

    async def __aenter__(self) -> Self:
        """Start to listen."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._relay)
        self._session = aiohttp.ClientSession(auto_decompress=False)
        self._runner, self.base = await listen(app)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and cut what is open."""
        if self._runner is not None:
            await self._runner.cleanup()
        await self._session.close()

    async def _relay(self, request: web.Request) -> web.StreamResponse:
        exchange = f"{request.method} {_ID.sub('…', request.path)}"
        ordinal = self._passage.enter(exchange)
        body = await request.read()
        answer = None
        try:
            await self._passage.cross(exchange, ordinal, Side.BEFORE)
            with suppress(aiohttp.ClientError):
                answer = await self._ask(request, body)
            await self._passage.cross(exchange, ordinal, Side.AFTER)
        except ConnectionError:
            answer = None
        if answer is None and request.transport is not None:
            request.transport.abort()
        return answer or web.Response(status=502)

    async def _ask(self, request: web.Request, body: bytes) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        url = self._base + request.path_qs
        async with self._session.request(request.method, url, data=body or None, headers=headers) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
            return web.Response(status=answer.status, headers=kept, body=await answer.read())
