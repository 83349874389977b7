"""The page that shows what was posted, as it happens."""

import asyncio
import json
from contextlib import suppress
from importlib.resources import files

from aiohttp import web

from bot.simulator.edge import WORLD
from bot.simulator.news import Payload
from bot.simulator.world import World

SITE = files("bot.simulator") / "site"
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
# A page that has fallen this far behind loads itself anew.
MOST_UNREAD = 1_000
STILL_THERE = 30.0
# How long a page may take to say goodbye.
GOODBYE = 0.5
POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'"

routes = web.RouteTableDef()


@routes.get("/")
async def index(_: web.Request) -> web.Response:
    """Show the page."""
    return asset("index.html")


@routes.get(r"/site/{name:[a-z]+\.(css|js|svg)}")
async def part(request: web.Request) -> web.Response:
    """Hand out what the page is made of."""
    return asset(request.match_info["name"])


@routes.get("/_sim/stream")
async def stream(request: web.Request) -> web.WebSocketResponse:
    """Tell an open page what happens, until it is closed or has fallen behind."""
    page = web.WebSocketResponse(heartbeat=STILL_THERE, timeout=GOODBYE)
    await page.prepare(request)
    reader = Reader(request.app[WORLD])
    try:
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(reader.read_to(page), name="page writer")
            await page.receive()
            writing.cancel()
    finally:
        reader.leave()
    return page


class Reader:
    """An open page: hears the news, as long as it keeps up."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._unread: asyncio.Queue[str | None] = asyncio.Queue(MOST_UNREAD)
        world.news.subscribe(self._hear)

    async def read_to(self, page: web.WebSocketResponse) -> None:
        """Write what is heard."""
        with suppress(ConnectionError):
            while not self._unread.full() and (line := await self._unread.get()) is not None:
                await page.send_str(line)
        await page.close()

    def leave(self) -> None:
        """Hear no more."""
        self._world.news.unsubscribe(self._hear)

    def _hear(self, event: str, payload: Payload) -> None:
        if not self._unread.full():
            line = None if event == "CLOSING" else json.dumps({"event": event, "data": payload})
            self._unread.put_nowait(line)


def asset(name: str) -> web.Response:
    """Return a file of the page."""
    path = SITE / name
    if not path.is_file():
        raise web.HTTPNotFound
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    kind = KINDS[name.rpartition(".")[2]]
    return web.Response(text=path.read_text(encoding="utf-8"), content_type=kind, headers=headers)
