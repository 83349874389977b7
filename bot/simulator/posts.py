"""Messages over REST: post, look back, change, delete."""

from dataclasses import replace

from aiohttp import web

from bot.simulator.answers import answer
from bot.simulator.directs import Direct
from bot.simulator.draft import Draft
from bot.simulator.edge import EXCHANGE, WORLD
from bot.simulator.guild import Channel, Permissions
from bot.simulator.message import Message
from bot.simulator.people import BOT
from bot.simulator.query import anchor_of, limit_of
from bot.simulator.refusals import (
    cannot_send,
    empty_message,
    missing_access,
    missing_permissions,
    not_yours,
    unknown_channel,
    unknown_message,
)

routes = web.RouteTableDef()


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
    if not rights(request, place).history:
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
    may = rights(request, place)
    if isinstance(place, Direct) and not world.users.takes_directs(place.recipient.id):
        raise cannot_send()
    if not may.send:
        raise missing_permissions()
    draft = Draft.read(exchange.body, exchange.attachments)
    if draft.empty:
        raise empty_message()
    if draft.enforce_nonce and draft.nonce is not None:
        earlier = world.messages.nonces.find(BOT.id, place.id, draft.nonce)
        if earlier is not None:
            return repeated(earlier)
    return answer(world.post(place, BOT, showable(draft, may)).receipt())


@routes.get(r"/channels/{channel:\d+}/messages/{message:\d+}")
async def message(request: web.Request) -> web.Response:
    """Show one message."""
    if not rights(request, visible(request)).history:
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


def visible(request: web.Request) -> Channel | Direct:
    """Return the channel that a request names, if the bot can see it."""
    place = request.app[WORLD].place(int(request.match_info["channel"]))
    if place is None:
        raise unknown_channel()
    if not rights(request, place).view:
        raise missing_access()
    return place


def rights(request: web.Request, place: Channel | Direct) -> Permissions:
    """Return what the bot may do in a channel, by its roles and by the channel's overwrites."""
    if isinstance(place, Direct):
        return Permissions()  # there are none to lack
    return request.app[WORLD].guild.granted & place.permissions


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


def showable(draft: Draft, may: Permissions) -> Draft:
    """Leave embeds out where the bot may not embed; refuse a draft that was nothing else."""
    if not draft.embeds or may.embed:
        return draft
    if not draft.content:
        raise missing_permissions()
    return replace(draft, embeds=[])
