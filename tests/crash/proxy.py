"""A TCP proxy between a daemon and MongoDB that knows where one message ends and the next begins."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from tests.crash.crossings import Passage, Side
from tests.crash.wire import Message, exchange_of, read_message, transaction_of


class MongoProxy:
    """Passes messages on, one by one, past the places where a strike may fall."""

    def __init__(self, host: str, port: int, passage: Passage, names: Mapping[str, str], own: int = 0) -> None:
        self._upstream = host, port
        self._passage = passage
        self._names = names  # of the replica set's members: what clients are to call them
        self._server: asyncio.Server | None = None
        self._pumps: set[asyncio.Task[None]] = set()
        self.transacting: list[Any] = []  # the sessions of all transactions that began here
        self.port = own  # 0: any free one
        self._closing = False

    async def __aenter__(self) -> Self:
        """Start to listen."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and cut what is open."""
        self._closing = True
        if self._server is not None:
            self._server.close()
        # Whoever was let in a moment ago begins now, and ends at once.
        await asyncio.sleep(0)
        pumps = list(self._pumps)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        # A closed connection lets go of its socket in the loop's next round.
        await asyncio.sleep(0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)
        with suppress(OSError, asyncio.CancelledError):
            if not self._closing:
                await self._pass(reader, writer)
        writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(*self._upstream)
        asked: dict[int, tuple[str, int]] = {}
        ways = (
            asyncio.create_task(self._requests(reader, server_writer, asked), name="requests"),
            asyncio.create_task(self._answers(server_reader, writer, asked), name="answers"),
        )
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            server_writer.close()

    async def _requests(
        self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, asked: dict[int, tuple[str, int]]
    ) -> None:
        while message := await read_message(reader):
            exchange = exchange_of(message)
            self.transacting += transaction_of(message)
            asked[message.request] = exchange, self._passage.enter(exchange)
            await self._passage.cross(*asked[message.request], Side.BEFORE)
            await _send(server, message)

    async def _answers(
        self, server: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: dict[int, tuple[str, int]]
    ) -> None:
        while message := await read_message(server):
            # A server may go on telling without being asked again.
            await self._passage.cross(*asked.pop(message.answers, ("", 0)), Side.AFTER)
            await _send(writer, message.renamed(self._names))


async def _send(writer: asyncio.StreamWriter, message: Message) -> None:
    writer.write(message.raw)
    await writer.drain()
