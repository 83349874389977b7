"""An endpoint that hears webhooks: it keeps what it got, verifies it, and answers as it is told to."""

import asyncio
import ssl
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from standardwebhooks.webhooks import Webhook

from tests.loopback import listen

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@dataclass(frozen=True)
class Heard:
    """One request."""

    path: str
    id: str
    told: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def key(self) -> str:
        """The key of the fact that it told."""
        return str(self.told["data"]["key"])


@dataclass(frozen=True)
class Reply:
    """How to answer one request; `taken` says whether the receiver acts on it before it does."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0
    drop: bool = False
    taken: bool = True


class Receiver:
    """Listens on loopback; what it has taken, it has taken once an id."""

    def __init__(self, secret: str = SECRET, tls: ssl.SSLContext | None = None) -> None:
        self.secret = secret
        self._tls = tls
        self.heard: list[Heard] = []
        self.refused: list[str] = []
        self.replies: deque[Reply] = deque()  # the next ones
        self.always = Reply()  # when there are none
        self.busy = 0
        self.most_busy = 0
        self._taken: dict[str, Heard] = {}
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        """Start to listen."""
        app = web.Application(client_max_size=64 * 1024**2)
        app.router.add_post("/{path:.*}", self._hear)
        self._runner, self.url = await listen(app, self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def tries(self) -> Counter[str]:
        """How often each fact was told, repeats and all."""
        return Counter(heard.key for heard in self.heard)

    @property
    def taken(self) -> list[str]:
        """The facts that it acted on, in that order: a repeated id is none."""
        return [heard.key for heard in self._taken.values()]

    def ids(self, key: str) -> set[str]:
        """Give the ids under which a fact was told."""
        return {heard.id for heard in self.heard if heard.key == key}

    async def _hear(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        try:
            told = Webhook(self.secret).verify(body, dict(request.headers))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it
            self.refused.append(repr(error))
            return web.Response(status=401)
        heard = Heard(request.path, request.headers["webhook-id"], told, dict(request.headers))
        self.heard.append(heard)
        reply = self.replies.popleft() if self.replies else self.always
        if reply.taken:
            self._taken.setdefault(heard.id, heard)
        self.busy += 1
        self.most_busy = max(self.busy, self.most_busy)
        try:
            await asyncio.sleep(reply.seconds)
        finally:
            self.busy -= 1
        if reply.drop and request.transport is not None:
            request.transport.abort()
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)
