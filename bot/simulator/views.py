"""What a test can see of the simulated Discord."""

from typing import Any

from aiohttp import web

from bot.simulator.answers import answer
from bot.simulator.edge import WORLD
from bot.simulator.gateway import GATEWAY
from bot.simulator.guild import Channel

routes = web.RouteTableDef()


@routes.get("/messages")
async def messages(request: web.Request) -> web.Response:
    """Show the messages of a channel, oldest first; the newest `limit` of them."""
    channel, limit = int(request.query["channel"]), int(request.query.get("limit", "0"))
    found = request.app[WORLD].messages.all(channel)
    return answer([message.evidence() for message in found[-limit:]])


@routes.get("/requests")
async def requests(request: web.Request) -> web.Response:
    """Show the latest REST requests, oldest first."""
    return answer([entry.payload() for entry in request.app[WORLD].traffic.requests])


@routes.get("/stats")
async def stats(request: web.Request) -> web.Response:
    """Count requests, refusals, posts, held requests and gateway connections."""
    world, gateway = request.app[WORLD], request.app[GATEWAY]
    posted = {str(channel.id): world.messages.posted(channel.id) for channel in world.guild}
    rest = {"posted": posted, "held": world.faults.held, "gateway_connections": gateway.connected}
    return answer({**world.traffic.stats(), **rest})


@routes.get("/faults")
async def faults(request: web.Request) -> web.Response:
    """Show the faults that will still strike."""
    return answer([fault.model_dump() for fault in request.app[WORLD].faults.pending()])


@routes.get("/channels")
async def channels(request: web.Request) -> web.Response:
    """Show the channels, and how much was posted to each."""
    world = request.app[WORLD]
    return answer([{**summary(channel), "posted": world.messages.posted(channel.id)} for channel in world.guild])


@routes.get("/identifies")
async def identifies(request: web.Request) -> web.Response:
    """Show who has identified, and when."""
    return answer(list(request.app[GATEWAY].identifies))


def summary(channel: Channel) -> dict[str, Any]:
    """Return what a test or a page needs to know of a channel."""
    may = channel.permissions
    permissions = {"view": may.view, "send": may.send, "embed": may.embed, "history": may.history}
    return {"id": str(channel.id), "name": channel.name, "permissions": permissions}
