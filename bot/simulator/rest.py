"""The REST half of API v10, as far as a posting bot needs it."""

from aiohttp import web

from bot.simulator import lookups, openings, posts
from bot.simulator.edge import WORLD, edge
from bot.simulator.world import World

# What Discord takes in one request.
MOST_BYTES = 25 * 1024 * 1024


def rest_app(world: World) -> web.Application:
    """Build the application that answers under /api/v10."""
    app = web.Application(middlewares=[edge], client_max_size=MOST_BYTES)
    app[WORLD] = world
    app.add_routes([*lookups.routes, *openings.routes, *posts.routes])
    return app
