"""The control API of a simulator that runs as a process of its own."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.simulator import contacts, levers, views
from bot.simulator.answers import answer
from bot.simulator.edge import WORLD
from bot.simulator.gateway import GATEWAY, Gateway
from bot.simulator.refusals import RefusedError
from bot.simulator.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def control_app(world: World, gateway: Gateway) -> web.Application:
    """Build the application that answers under /_sim."""
    app = web.Application(middlewares=[plain_errors])
    app[WORLD] = world
    app[GATEWAY] = gateway
    app.add_routes([*views.routes, *levers.routes, *contacts.routes])
    return app


@web.middleware
async def plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say in JSON what is wrong with a request."""
    try:
        return await handler(request)
    except RefusedError as refusal:
        return answer(refusal.payload(), 400)
    # A fault that pydantic refuses is a ValueError too.
    except (ValueError, KeyError, TypeError) as error:
        return answer({"error": f"{type(error).__name__}: {error}"}, 400)
    except web.HTTPNotFound as missing:
        return answer({"error": missing.text}, 404)
