"""The REST routes of API v10 that a posting bot uses."""

from dataclasses import replace
from typing import Any

from aiohttp import web

from bot.simulator.answers import answer
from bot.simulator.draft import Draft
from bot.simulator.edge import EXCHANGE, WORLD, edge
from bot.simulator.guild import GUILD_ID, Channel, Guild
from bot.simulator.message import Message
from bot.simulator.people import BOT, application
from bot.simulator.refusals import (
    RefusedError,
    empty_message,
    invalid_form,
    missing_access,
    missing_permissions,
    not_yours,
    unknown_channel,
    unknown_guild,
    unknown_member,
    unknown_message,
)
from bot.simulator.world import World

# What Discord takes in one request.
MOST_BYTES = 25 * 1024 * 1024
MOST_HISTORY = 100
ANCHORS = ("around", "before", "after")

routes = web.RouteTableDef()


def rest_app(world: World) -> web.Application:
    """Build the application that answers under /api/v10."""
    app = web.Application(middlewares=[edge], client_max_size=MOST_BYTES)
    app[WORLD] = world
    app.add_routes(routes)
    return app


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


@routes.get(r"/channels/{channel:\d+}")
async def channel(request: web.Request) -> web.Response:
    """Show a channel."""
    return answer(visible(request).payload())


@routes.get(r"/channels/{channel:\d+}/messages")
async def history(request: web.Request) -> web.Response:
    """Show the messages of a channel, newest first."""
    place = visible(request)
    limit, anchor = limit_of(request), anchor_of(request)
    # Discord's trap: without the permission to read history there is none, and no error either.
    if not place.permissions.history:
        return answer([])
    messages = request.app[WORLD].messages
    if anchor is None:
        page = messages.newest(place.id, limit)
    else:
        direction, number = anchor
        page = getattr(messages, direction)(place.id, number, limit)
    return answer([message.payload() for message in page])


@routes.post(r"/channels/{channel:\d+}/messages")
async def create(request: web.Request) -> web.Response:
    """Create a message; or return the earlier one of the same nonce."""
    world, exchange, place = request.app[WORLD], request[EXCHANGE], visible(request)
    if not place.permissions.send:
        raise missing_permissions()
    draft = Draft.read(exchange.body, exchange.attachments)
    if draft.empty:
        raise empty_message()
    if draft.enforce_nonce and draft.nonce is not None:
        earlier = world.messages.nonces.find(BOT.id, place.id, draft.nonce)
        if earlier is not None:
            return repeated(earlier)
    return answer(world.post(place, BOT, showable(draft, place)).receipt())


@routes.get(r"/channels/{channel:\d+}/messages/{message:\d+}")
async def message(request: web.Request) -> web.Response:
    """Show one message."""
    if not visible(request).permissions.history:
        raise missing_access()
    return answer(the_message(request).payload())


@routes.patch(r"/channels/{channel:\d+}/messages/{message:\d+}")
async def edit(request: web.Request) -> web.Response:
    """Change a message of the bot's."""
    visible(request)
    found = the_message(request)
    if found.author.id != BOT.id:
        raise not_yours()
    request.app[WORLD].edit(found, request[EXCHANGE].body)
    return answer(found.payload())


@routes.delete(r"/channels/{channel:\d+}/messages/{message:\d+}")
async def delete(request: web.Request) -> web.Response:
    """Delete a message of the bot's."""
    visible(request)
    found = the_message(request)
    if found.author.id != BOT.id:
        raise missing_permissions()
    request.app[WORLD].delete(found)
    return web.Response(status=204)


def the_guild(request: web.Request) -> Guild:
    """Return the guild that a request names."""
    if int(request.match_info["guild"]) != GUILD_ID:
        raise unknown_guild()
    return request.app[WORLD].guild


def visible(request: web.Request) -> Channel:
    """Return the channel that a request names, if the bot can see it."""
    place = request.app[WORLD].guild.channel(int(request.match_info["channel"]))
    if place is None:
        raise unknown_channel()
    if not place.permissions.view:
        raise missing_access()
    return place


def the_message(request: web.Request) -> Message:
    """Return the message that a request names."""
    place = int(request.match_info["channel"])
    found = request.app[WORLD].messages.find(int(request.match_info["message"]), place)
    if found is None:
        raise unknown_message()
    return found


def repeated(earlier: Message) -> web.Response:
    """Answer a repeated nonce: with the earlier message, or that it is gone."""
    if earlier.deleted:
        raise unknown_message()
    return answer(earlier.receipt())


def showable(draft: Draft, place: Channel) -> Draft:
    """Leave embeds out where the bot may not embed; refuse a draft that was nothing else."""
    if not draft.embeds or place.permissions.embed:
        return draft
    if not draft.content:
        raise missing_permissions()
    return replace(draft, embeds=[])


def limit_of(request: web.Request) -> int:
    """Return how many messages are asked for."""
    limit = number_of(request, "limit", "50")
    if not 1 <= limit <= MOST_HISTORY:
        raise bad_query("limit", "NUMBER_TYPE_MAX", f"int value should be between 1 and {MOST_HISTORY}.")
    return limit


def anchor_of(request: web.Request) -> tuple[str, int] | None:
    """Return the direction and the id that history is asked from, if any."""
    named = [name for name in ANCHORS if name in request.query]
    return (named[0], number_of(request, named[0])) if named else None


def number_of(request: web.Request, name: str, default: str = "") -> int:
    """Return a number from the query."""
    text = request.query.get(name, default)
    if not text.isdecimal():
        raise bad_query(name, "NUMBER_TYPE_COERCE", f'Value "{text}" is not int.')
    return int(text)


def bad_query(name: str, code: str, text: str) -> RefusedError:
    """Refuse a query."""
    tree: dict[str, Any] = {name: {"_errors": [{"code": code, "message": text}]}}
    return invalid_form(tree)


def gateway_url(request: web.Request) -> str:
    """Return the address of the gateway, as the client can reach it."""
    return f"ws://{request.host}/gateway"
