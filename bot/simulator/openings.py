"""Opening a direct message over REST."""

from aiohttp import web

from bot.simulator.answers import answer
from bot.simulator.complaints import Complaints
from bot.simulator.edge import EXCHANGE, WORLD
from bot.simulator.people import BOT
from bot.simulator.refusals import cannot_send, invalid_recipient

routes = web.RouteTableDef()


@routes.post("/users/@me/channels")
async def open_direct(request: web.Request) -> web.Response:
    """Open the channel of a user's direct messages, or return the one that there is.

    Whether the user takes any is not said here: that is refused when a message is posted.
    """
    world, number = request.app[WORLD], recipient_of(request[EXCHANGE].body.get("recipient_id"))
    user = world.users.find(number)
    if user is None:
        raise invalid_recipient()
    if user == BOT:
        raise cannot_send(400)
    return answer(world.open_direct(user).payload())


def recipient_of(spelling: object) -> int:
    """Read the id of a user."""
    text, complaints = str(spelling), Complaints()
    if not text.isdecimal():
        complaints.add(("recipient_id",), "NUMBER_TYPE_COERCE", f'Value "{text}" is not snowflake.')
    complaints.settle()
    return int(text)
