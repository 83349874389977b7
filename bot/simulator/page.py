"""The page that shows what was posted, as it happens."""

import asyncio
import json
from importlib.resources import files

from aiohttp import web

from bot.simulator.edge import WORLD
from bot.simulator.news import Payload
from bot.simulator.world import World

SITE = files("bot.simulator") / "site"
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
# A page that has fallen this far behind loads itself anew.
MOST_UNREAD = 1_000
STILL_HERE = 15.0
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
async def stream(request: web.Request) -> web.StreamResponse:
    """Tell an open page what happens, as server-sent events."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    reader = Reader(request.app[WORLD])
    try:
        await reader.read_to(response)
    except ConnectionError:
        pass  # the page was closed
    finally:
        reader.leave()
    return response


class Reader:
    """An open page: hears the news, as long as it keeps up."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._unread: asyncio.Queue[str | None] = asyncio.Queue(MOST_UNREAD)
        world.news.subscribe(self._hear)

    async def read_to(self, response: web.StreamResponse) -> None:
        """Write what is heard, until the page is closed or has fallen behind."""
        await response.write(b"retry: 1000\n\n")
        while not self._unread.full():
            try:
                line = await asyncio.wait_for(self._unread.get(), STILL_HERE)
            except TimeoutError:
                line = ": still here\n\n"
            if line is None:
                return
            await response.write(line.encode())

    def leave(self) -> None:
        """Hear no more."""
        self._world.news.unsubscribe(self._hear)

    def _hear(self, event: str, payload: Payload) -> None:
        if self._unread.full():
            return
        line = None if event == "CLOSING" else f"event: {event}\ndata: {json.dumps(payload)}\n\n"
        self._unread.put_nowait(line)


def asset(name: str) -> web.Response:
    """Return a file of the page."""
    path = SITE / name
    if not path.is_file():
        raise web.HTTPNotFound
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    kind = KINDS[name.rpartition(".")[2]]
    return web.Response(text=path.read_text(encoding="utf-8"), content_type=kind, headers=headers)
