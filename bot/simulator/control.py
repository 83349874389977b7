"""The levers of a test: what it can see of the simulated Discord, and what it can do to it."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from bot.simulator.draft import Draft
from bot.simulator.edge import WORLD
from bot.simulator.gateway import Gateway
from bot.simulator.guild import Channel, Permissions
from bot.simulator.message import Message
from bot.simulator.people import STRANGER
from bot.simulator.refusals import RefusedError
from bot.simulator.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

GATEWAY: web.AppKey[Gateway] = web.AppKey("gateway", Gateway)

routes = web.RouteTableDef()


def control_app(world: World, gateway: Gateway) -> web.Application:
    """Build the application that answers under /_sim."""
    app = web.Application(middlewares=[plain_errors])
    app[WORLD] = world
    app[GATEWAY] = gateway
    app.add_routes(routes)
    return app


@web.middleware
async def plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say in JSON what is wrong with a request."""
    try:
        return await handler(request)
    except RefusedError as refusal:
        return web.json_response(refusal.payload(), status=400)
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
    except web.HTTPNotFound as missing:
        return web.json_response({"error": missing.text}, status=404)


@routes.get("/messages")
async def messages(request: web.Request) -> web.Response:
    """Show the messages of a channel, oldest first; the newest `limit` of them."""
    channel, limit = int(request.query["channel"]), int(request.query.get("limit", "0"))
    found = request.app[WORLD].messages.all(channel)
    return web.json_response([message.evidence() for message in found[-limit:]])


@routes.post("/messages")
async def speak(request: web.Request) -> web.Response:
    """Post as somebody else."""
    body = await request.json()
    draft = Draft.read(body)
    message = request.app[WORLD].post(the_channel(request, int(body["channel"])), STRANGER, draft)
    return web.json_response(message.evidence(), status=201)


@routes.delete(r"/messages/{message:\d+}")
async def moderate(request: web.Request) -> web.Response:
    """Delete a message as a moderator does."""
    request.app[WORLD].delete(the_message(request))
    return web.Response(status=204)


@routes.get("/requests")
async def requests(request: web.Request) -> web.Response:
    """Show the latest REST requests, oldest first."""
    return web.json_response([entry.payload() for entry in request.app[WORLD].traffic.requests])


@routes.get("/stats")
async def stats(request: web.Request) -> web.Response:
    """Count requests, refusals, posts, held requests and gateway connections."""
    world, gateway = request.app[WORLD], request.app[GATEWAY]
    posted = {str(channel.id): world.messages.posted(channel.id) for channel in world.guild}
    rest = {"posted": posted, "held": world.faults.held, "gateway_connections": gateway.connected}
    return web.json_response({**world.traffic.stats(), **rest})


@routes.get("/faults")
async def faults(request: web.Request) -> web.Response:
    """Show the faults that will still strike."""
    return web.json_response([fault.model_dump() for fault in request.app[WORLD].faults.pending()])


@routes.post("/faults")
async def script(request: web.Request) -> web.Response:
    """Add a fault, or a list of them, to the script."""
    body = await request.json()
    for fault in body if isinstance(body, list) else [body]:
        request.app[WORLD].faults.script(**fault)
    return web.Response(status=204)


@routes.delete("/faults")
async def clear(request: web.Request) -> web.Response:
    """Throw the script away and release what is held."""
    request.app[WORLD].faults.clear()
    return web.Response(status=204)


@routes.post("/clock")
async def clock(request: web.Request) -> web.Response:
    """Let the memory of nonces grow older, or, with `all`, Discord's whole time go on."""
    body, world = await request.json(), request.app[WORLD]
    grow = world.time.advance if body.get("all") else world.messages.nonces.age
    grow(float(body["advance"]))
    return web.Response(status=204)


@routes.get("/channels")
async def channels(request: web.Request) -> web.Response:
    """Show the channels, and how much was posted to each."""
    world = request.app[WORLD]
    return web.json_response(
        [{**summary(channel), "posted": world.messages.posted(channel.id)} for channel in world.guild]
    )


@routes.post("/channels")
async def open_channel(request: web.Request) -> web.Response:
    """Make a channel."""
    body = await request.json()
    channel = request.app[WORLD].open_channel(int(body["id"]), str(body["name"]))
    return web.json_response(summary(channel), status=201)


@routes.delete(r"/channels/{channel:\d+}")
async def close_channel(request: web.Request) -> web.Response:
    """Delete a channel."""
    if request.app[WORLD].close_channel(int(request.match_info["channel"])) is None:
        raise web.HTTPNotFound(text="there is no such channel")
    return web.Response(status=204)


@routes.post(r"/channels/{channel:\d+}/permissions")
async def permit(request: web.Request) -> web.Response:
    """Change what the bot may do in a channel."""
    channel = the_channel(request, int(request.match_info["channel"]))
    request.app[WORLD].permit(channel, Permissions.read(await request.json()))
    return web.json_response(summary(channel))


@routes.post("/token")
async def token(request: web.Request) -> web.Response:
    """Make the token invalid, or valid again."""
    world = request.app[WORLD]
    world.token_valid = bool((await request.json())["valid"])
    if not world.token_valid:
        request.app[GATEWAY].drop(forget=True)
    return web.Response(status=204)


@routes.post("/gateway")
async def gateway(request: web.Request) -> web.Response:
    """Drop the gateway's connections, forget its sessions, pace its identifies."""
    body, hub = await request.json(), request.app[GATEWAY]
    hub.paced = bool(body.get("paced", hub.paced))
    dropped = hub.drop(forget=bool(body.get("forget"))) if body.get("drop") else 0
    return web.json_response({"dropped": dropped})


@routes.get("/identifies")
async def identifies(request: web.Request) -> web.Response:
    """Show who has identified, and when."""
    return web.json_response(list(request.app[GATEWAY].identifies))


def the_channel(request: web.Request, number: int) -> Channel:
    """Return a channel, or answer that there is none."""
    channel = request.app[WORLD].guild.channel(number)
    if channel is None:
        raise web.HTTPNotFound(text="there is no such channel")
    return channel


def the_message(request: web.Request) -> Message:
    """Return the message that a request names, or answer that there is none."""
    message = request.app[WORLD].messages.find(int(request.match_info["message"]))
    if message is None:
        raise web.HTTPNotFound(text="there is no such message")
    return message


def summary(channel: Channel) -> dict[str, Any]:
    """Return what a test or a page needs to know of a channel."""
    may = channel.permissions
    permissions = {"view": may.view, "send": may.send, "embed": may.embed, "history": may.history}
    return {"id": str(channel.id), "name": channel.name, "permissions": permissions}
