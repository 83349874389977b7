"""Who and where the bot is: the routes it looks around with."""

from aiohttp import web

from bot.simulator.answers import answer
from bot.simulator.edge import WORLD
from bot.simulator.guild import GUILD_ID, Guild
from bot.simulator.people import BOT, application
from bot.simulator.refusals import unknown_guild, unknown_member

routes = web.RouteTableDef()


@routes.get("/users/@me")
async def me(_: web.Request) -> web.Response:
    """Say who the bot is."""
    return answer({**BOT.payload(), "verified": True, "mfa_enabled": False, "email": None})


@routes.get("/applications/@me")
@routes.get("/oauth2/applications/@me")
async def my_application(_: web.Request) -> web.Response:
    """Say what application the bot belongs to."""
    return answer(application())


@routes.get("/gateway")
async def gateway(request: web.Request) -> web.Response:
    """Say where the gateway is."""
    return answer({"url": gateway_url(request)})


@routes.get("/gateway/bot")
async def bot_gateway(request: web.Request) -> web.Response:
    """Say where the gateway is, and how often one may identify."""
    starts = {"total": 1000, "remaining": 1000, "reset_after": 86_400_000, "max_concurrency": 1}
    return answer({"url": gateway_url(request), "shards": 1, "session_start_limit": starts})


@routes.get(r"/guilds/{guild:\d+}")
async def guild(request: web.Request) -> web.Response:
    """Show the guild."""
    return answer(the_guild(request).payload())


@routes.get(r"/guilds/{guild:\d+}/channels")
async def guild_channels(request: web.Request) -> web.Response:
    """Show the channels of the guild."""
    return answer([channel.payload() for channel in the_guild(request)])


@routes.get(r"/guilds/{guild:\d+}/roles")
async def guild_roles(request: web.Request) -> web.Response:
    """Show the roles of the guild."""
    return answer(the_guild(request).roles())


@routes.get(r"/guilds/{guild:\d+}/members/{user}")
async def guild_member(request: web.Request) -> web.Response:
    """Show the bot as a member; it is the only one that can be asked for."""
    place = the_guild(request)
    if request.match_info["user"] not in (str(BOT.id), "@me"):
        raise unknown_member()
    return answer(place.member())


def the_guild(request: web.Request) -> Guild:
    """Return the guild that a request names."""
    if int(request.match_info["guild"]) != GUILD_ID:
        raise unknown_guild()
    return request.app[WORLD].guild


def gateway_url(request: web.Request) -> str:
    """Return the address of the gateway, as the client can reach it."""
    return f"ws://{request.host}/gateway"
