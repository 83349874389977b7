"""What a test can do to the simulated Discord."""

from aiohttp import web

from bot.simulator.answers import answer
from bot.simulator.draft import Draft
from bot.simulator.edge import WORLD
from bot.simulator.gateway import GATEWAY
from bot.simulator.guild import Channel, Permissions
from bot.simulator.message import Message
from bot.simulator.people import STRANGER
from bot.simulator.views import summary

routes = web.RouteTableDef()


@routes.post("/messages")
async def speak(request: web.Request) -> web.Response:
    """Post as somebody else; in direct messages, as the user they are with."""
    body, world = await request.json(), request.app[WORLD]
    draft, direct = Draft.read(body), world.directs.channel(int(body["channel"]))
    place = direct or the_channel(request, int(body["channel"]))
    message = world.post(place, direct.recipient if direct else STRANGER, draft)
    return answer(message.evidence(), status=201)


@routes.delete(r"/messages/{message:\d+}")
async def moderate(request: web.Request) -> web.Response:
    """Delete a message as a moderator does."""
    request.app[WORLD].delete(the_message(request))
    return web.Response(status=204)


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


@routes.post("/channels")
async def open_channel(request: web.Request) -> web.Response:
    """Make a channel."""
    body = await request.json()
    channel = request.app[WORLD].open_channel(int(body["id"]), str(body["name"]))
    return answer(summary(channel), status=201)


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
    return answer(summary(channel))


@routes.post("/guild/permissions")
async def grant(request: web.Request) -> web.Response:
    """Change what the roles let the bot do, in all channels."""
    request.app[WORLD].grant(Permissions.read(await request.json()))
    return web.Response(status=204)


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
    return answer({"dropped": dropped})


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
