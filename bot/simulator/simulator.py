"""A simulated Discord that can be entered: `async with Simulator() as discord`."""

import time
from types import TracebackType
from typing import Self

from aiohttp import web

from bot.simulator import page
from bot.simulator.clock import Clock
from bot.simulator.control import control_app
from bot.simulator.conversation import Conversation
from bot.simulator.edge import WORLD
from bot.simulator.faults import Faults
from bot.simulator.gateway import Gateway
from bot.simulator.guild import Guild
from bot.simulator.message import Message
from bot.simulator.rest import rest_app
from bot.simulator.settings import SimulatorSettings
from bot.simulator.traffic import Traffic
from bot.simulator.users import Users
from bot.simulator.world import World

# Answers under way when it stops have this long to finish.
GRACE = 0.5


class Simulator:
    """Listens while it is entered; knows everything that was posted to it."""

    def __init__(self, settings: SimulatorSettings | None = None, clock: Clock = time.time) -> None:
        self.settings = settings or SimulatorSettings()
        self.world = World(self.settings, clock)
        self.gateway = Gateway(self.world)
        self.port = self.settings.port
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Start to listen."""
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=GRACE)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.settings.host, self.settings.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, ending every connection."""
        self.gateway.drop()
        self.world.faults.clear()
        self.world.news.tell("CLOSING", {})
        if self._runner is not None:
            await self._runner.cleanup()
        self.world.messages.close()

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{self.settings.host}:{self.port}"

    @property
    def api_base(self) -> str:
        """What discord.http.Route.BASE has to be."""
        return f"{self.url}/api/v10"

    @property
    def gateway_url(self) -> str:
        """What discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY has to be."""
        return f"ws://{self.settings.host}:{self.port}/gateway"

    @property
    def faults(self) -> Faults:
        """The scripted trouble."""
        return self.world.faults

    @property
    def channels(self) -> Guild:
        """The guild, which is iterated by channel."""
        return self.world.guild

    @property
    def traffic(self) -> Traffic:
        """The log of requests."""
        return self.world.traffic

    @property
    def users(self) -> Users:
        """Whom the bot can write to."""
        return self.world.users

    def told(self, user: int) -> list[Message]:
        """Return the direct messages between the bot and a user, oldest first."""
        direct = self.world.directs.of(user)
        return self.messages(direct.id) if direct else []

    def messages(self, channel: int) -> list[Message]:
        """Return the messages of a channel, oldest first."""
        return self.world.messages.all(channel)

    def _app(self) -> web.Application:
        app = web.Application()
        app[WORLD] = self.world
        app.add_routes(page.routes)
        app.router.add_get("/gateway", self._converse)
        app.router.add_get("/gateway/", self._converse)
        app.add_subapp("/api/v10", rest_app(self.world))
        app.add_subapp("/_sim", control_app(self.world, self.gateway))
        return app

    async def _converse(self, request: web.Request) -> web.WebSocketResponse:
        return await Conversation(self.world, self.gateway, request).hold()
