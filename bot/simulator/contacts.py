"""What a test can see of users and their direct messages, and do about them."""

from typing import Any

from aiohttp import web

from bot.simulator.answers import answer
from bot.simulator.directs import Direct
from bot.simulator.edge import WORLD
from bot.simulator.world import World

routes = web.RouteTableDef()


@routes.get("/directs")
async def directs(request: web.Request) -> web.Response:
    """Show the direct messages: how many there were, and the `limit` channels that were written in last."""
    world, limit = request.app[WORLD], int(request.query.get("limit", "100"))
    posted = sum(world.messages.posted(direct.id) for direct in world.directs)
    return answer({"posted": posted, "directs": [summary(world, direct) for direct in world.directs.latest(limit)]})


@routes.post("/users")
async def introduce(request: web.Request) -> web.Response:
    """Make a user, or change one: its name, and with `directs` whether it takes direct messages."""
    body, users = await request.json(), request.app[WORLD].users
    number = int(body["id"])
    known = users.find(number)
    if "name" in body or known is None:
        known = users.add(number, str(body["name"]))
    if "directs" in body:
        users.take_directs(number, takes=bool(body["directs"]))
    taken = users.takes_directs(number)
    return answer({"id": str(number), "name": known.name, "directs": taken}, status=201)


@routes.delete(r"/users/{user:\d+}")
async def forget(request: web.Request) -> web.Response:
    """Let a user be nobody."""
    request.app[WORLD].users.remove(int(request.match_info["user"]))
    return web.Response(status=204)


@routes.post("/limits")
async def limit(request: web.Request) -> web.Response:
    """Let only so many direct messages be opened in a period of seconds; `openings: null` lets all."""
    body = await request.json()
    wanted = None if body["openings"] is None else int(body["openings"])
    request.app[WORLD].limits.limit_openings(wanted, float(body.get("period", 600)))
    return web.Response(status=204)


def summary(world: World, direct: Direct) -> dict[str, Any]:
    """Return what a test or a page needs to know of a user's direct messages."""
    user = direct.recipient
    return {"id": str(direct.id), "user": str(user.id), "name": user.name, "posted": world.messages.posted(direct.id)}
