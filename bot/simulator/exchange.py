"""One request under way: what it asks, and what becomes of its connection."""

import asyncio
import json
import socket
import struct
from typing import Any

from aiohttp import hdrs, web

from bot.simulator.refusals import unreadable
from bot.simulator.traffic import Entry, Traffic

# Linger for no time at all: closing then sends RST instead of FIN.
NO_LINGER = struct.pack("ii", 1, 0)


class Exchange:
    """A REST request with its body, and the connection it came by."""

    def __init__(self, request: web.Request, body: dict[str, Any], attachments: list[dict[str, Any]]) -> None:
        self.request = request
        self.body = body
        self.attachments = attachments
        self.method = request.method
        self.route = _route(request)
        self.channel = _channel(request)
        self._transport = request.transport
        self._traffic: Traffic | None = None
        self._entry: Entry | None = None

    @classmethod
    async def read(cls, request: web.Request) -> "Exchange":
        """Read all of a request; refuse a body that is not JSON."""
        if request.content_type == "multipart/form-data":
            return cls(request, *await _form(request))
        text = await request.text()
        return cls(request, _object(text) if text else {}, [])

    @property
    def creating_in(self) -> int | None:
        """The channel that this request wants to post to."""
        return self.channel if (self.method, self.route) == (hdrs.METH_POST, "messages") else None

    @property
    def gone(self) -> bool:
        """Whether the client has hung up."""
        return self._transport is None or self._transport.is_closing() or self.request.transport is None

    def enter(self, traffic: Traffic) -> None:
        """Put it into the log."""
        self._traffic = traffic
        creates = self.creating_in is not None
        nonce = self.body.get("nonce")
        self._entry = traffic.enter(self.method, self.request.path, self.channel, creates=creates, nonce=nonce)

    def leave(self, response: web.StreamResponse | None = None) -> None:
        """Note its answer in the log, or that there was none."""
        if self._traffic is None or self._entry is None:
            return
        if response is None or self.gone:
            self._traffic.leave(self._entry, None)
            return
        shared = response.headers.get("X-RateLimit-Scope") == "shared"
        self._traffic.leave(self._entry, response.status, shared=shared)

    def cut(self, *, reset: bool) -> None:
        """End the connection without an answer."""
        if not isinstance(self._transport, asyncio.Transport):
            return
        if not reset:
            self._transport.close()
            return
        wire = self._transport.get_extra_info("socket")
        if wire is not None:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self._transport.abort()


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    fixed = [part for part in (resource.canonical if resource else "").split("/") if part and "{" not in part]
    return fixed[-1] if fixed else ""


def _channel(request: web.Request) -> int | None:
    number = request.match_info.get("channel", "")
    return int(number) if number else None


async def _form(request: web.Request) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    body: dict[str, Any] = {}
    attachments: list[dict[str, Any]] = []
    for name, part in (await request.post()).items():
        if isinstance(part, web.FileField):
            size = len(part.file.read())
            attachments.append(_attachment(len(attachments) + 1, part.filename, size))
        elif name == "payload_json" and isinstance(part, str):
            body = _object(part)
    return body, attachments


def _attachment(number: int, name: str, size: int) -> dict[str, Any]:
    link = f"attachment://{name}"
    return {"id": str(number), "filename": name, "size": size, "url": link, "proxy_url": link}


def _object(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError as error:
        raise unreadable() from error
    # A list is a body too: bulk overwrites send one.
    return body if isinstance(body, dict) else {"items": body}
