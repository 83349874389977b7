"""One websocket connection to the gateway, from HELLO to its close."""

import asyncio
import json
import zlib
from contextlib import suppress

from aiohttp import WSMsgType, web

from bot.simulator.gateway import BAD_TOKEN, Gateway
from bot.simulator.session import Frame, Outbox, Session
from bot.simulator.world import World

HEARTBEAT_MS = 41_250
HEARTBEAT, IDENTIFY, RESUME, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 1, 2, 6, 9, 10, 11
DECODE_ERROR, NOT_AUTHENTICATED = 4002, 4003
# How long a client may take to say goodbye.
GOODBYE = 0.5
# After this close code a client resumes.
DROPPED = 4000


class Conversation:
    """Reads what a client says, and writes what it is to hear, in order."""

    def __init__(self, world: World, gateway: Gateway, request: web.Request) -> None:
        self._world = world
        self._gateway = gateway
        self._request = request
        self._socket = web.WebSocketResponse(compress=False, max_msg_size=64 * 1024, timeout=GOODBYE)
        self._outbox: Outbox = asyncio.Queue()
        self._session: Session | None = None
        self._close_code = DROPPED
        # A client that asks for another compression reads plain text as well.
        squeezed = request.query.get("compress") == "zlib-stream"
        self._squeeze = zlib.compressobj() if squeezed else None

    async def hold(self) -> web.WebSocketResponse:
        """Talk until either side ends it."""
        await self._socket.prepare(self._request)
        self._say({"op": HELLO, "t": None, "s": None, "d": {"heartbeat_interval": HEARTBEAT_MS}})
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(self._write(), name="gateway writer")
            try:
                await self._listen()
            finally:
                writing.cancel()
                self._part()
        return self._socket

    async def _listen(self) -> None:
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                frame = json.loads(message.data)
                self._answer(int(frame["op"]), frame.get("d"))
            except (ValueError, KeyError, TypeError):
                self._end(DECODE_ERROR)

    def _answer(self, op: int, data: Frame | None) -> None:
        if op == HEARTBEAT:
            self._say({"op": HEARTBEAT_ACK, "t": None, "s": None, "d": None})
        elif op in (IDENTIFY, RESUME):
            self._begin(op, data or {})
        elif self._session is None:
            self._end(NOT_AUTHENTICATED)

    def _begin(self, op: int, wish: Frame) -> None:
        if not self._world.knows(str(wish.get("token", "")).removeprefix("Bot ")):
            self._end(BAD_TOKEN)
            return
        if op == IDENTIFY:
            address = f"ws://{self._request.host}/gateway"
            self._session = self._gateway.identify(wish, self._outbox, address)
        else:
            self._session = self._gateway.resume(wish, self._outbox)
        if self._session is None:
            self._say({"op": INVALID_SESSION, "t": None, "s": None, "d": False})

    def _say(self, frame: Frame) -> None:
        self._outbox.put_nowait(frame)

    def _end(self, code: int) -> None:
        self._close_code = code
        self._outbox.put_nowait(None)

    def _part(self) -> None:
        # A later connection may have taken the session over.
        if self._session is not None and self._session.outbox is self._outbox:
            self._session.outbox = None

    async def _write(self) -> None:
        with suppress(ConnectionError):
            while (frame := await self._outbox.get()) is not None:
                await self._send(json.dumps(frame))
        await self._socket.close(code=self._close_code)

    async def _send(self, text: str) -> None:
        if self._squeeze is None:
            await self._socket.send_str(text)
            return
        packed = self._squeeze.compress(text.encode()) + self._squeeze.flush(zlib.Z_SYNC_FLUSH)
        await self._socket.send_bytes(packed)
