"""Being logged in: who we are to Discord, whether it takes our token, and what it lets us see."""

from collections.abc import Callable
from random import Random

import aiohttp
import anyio
import discord

from bot.client import GatewayClient, Receipts
from bot.lookout import Lookout
from telemetry.core.backoff import Backoff
from telemetry.core.errors import UnavailableError
from telemetry.runtime.health import Readiness
from telemetry.runtime.logs import get_logger

log = get_logger(__name__)

REFUSED = Backoff(first=60.0, cap=3600.0)
AWAY = Backoff(first=1.0, cap=60.0)
# Never to be followed by another connect: token, shard and intent errors (API reference, "Gateway Close Event Codes").
HOPELESS = frozenset({4004, 4010, 4011, 4012, 4013, 4014})
CLOSE_SECONDS = 5.0


class DiscordSession:
    """Keeps logged in and connected to the gateway; posting needs only the login."""

    name = "discord"

    def __init__(self, token: str, readiness: Readiness, chance: Random, changed: Callable[[str | None], None]) -> None:
        self.receipts = Receipts()
        self.author = ""
        self._token = token
        self._readiness = readiness
        self._chance = chance
        self._changed = changed
        self._open = anyio.Event()
        self._refusals = 0
        self._refused = anyio.Event()
        self._lookout: Lookout | None = None
        self._client: GatewayClient | None = None

    @property
    def lookout(self) -> Lookout:
        """What Discord lets us see; raise UnavailableError before the first login."""
        if self._lookout is None:
            raise UnavailableError("not logged in to Discord")
        return self._lookout

    def server_of(self, channel: str) -> str | None:
        """Name the server that a channel is in, where the gateway has told; nothing is asked for it."""
        found = self._client.get_channel(int(channel)) if self._client and channel.isdecimal() else None
        guild = getattr(found, "guild", None)
        return str(guild.id) if guild else None

    async def wait_open(self) -> None:
        """Wait until Discord takes our token."""
        await self._open.wait()

    def refuse(self) -> None:
        """Stop all requests: Discord has refused the token."""
        if self._open.is_set():
            self._open = anyio.Event()
            self._refused.set()

    async def run(self) -> None:
        """Log in, and again after a refusal, until cancelled."""
        failures = 0
        while True:
            try:
                await self._live()
            except discord.LoginFailure:
                await self._rest_refused()
            except (aiohttp.ClientError, discord.HTTPException, OSError, TimeoutError) as error:
                failures += 1
                self._lacks(f"Discord does not answer: {type(error).__name__}")
                await anyio.sleep(AWAY.delay(failures, self._chance))
            else:
                failures = 0

    async def _live(self) -> None:
        self._refused = anyio.Event()
        client = GatewayClient(self.receipts, self._changed)
        try:
            await client.login(self._token)
            self.author = str(client.user.id) if client.user else ""
            self._lookout = Lookout(client, self.author)
            self._client = client
            self._refusals = 0
            self._readiness.has("discord")
            self._open.set()
            log.info("discord.logged_in", user=str(client.user))
            async with anyio.create_task_group() as group:
                group.start_soon(self._stay_connected, client, name="gateway")
                await self._refused.wait()
                group.cancel_scope.cancel()
        finally:
            # The library's heartbeat is a thread: left alone it would outlive the loop.
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await client.close()
        await self._rest_refused()

    async def _stay_connected(self, client: GatewayClient) -> None:
        failures = 0
        while True:
            try:
                await client.connect(reconnect=True)
            except discord.ConnectionClosed as error:
                if error.code in HOPELESS:
                    log.warning("gateway.refused", code=error.code, effect="posting goes on without receipts")
                    return
            except Exception as error:  # noqa: BLE001
                # discord.py trips over itself (AttributeError) where its first connect fails. Whatever it is,
                # only receipts are lost: it must not end the session that posting lives on.
                log.info("gateway.away", why=type(error).__name__)
            failures += 1
            client.clear()
            await anyio.sleep(AWAY.delay(failures, self._chance))

    async def _rest_refused(self) -> None:
        self._refusals += 1
        pause = REFUSED.delay(self._refusals, self._chance)
        self._lacks(f"Discord refuses the token: set DISCORD_TOKEN to the bot's; next try in {pause:.0f} s")
        await anyio.sleep(pause)

    def _lacks(self, why: str) -> None:
        if self._readiness.waiting.get("discord") != why:
            log.warning("discord.waiting", why=why)
        self._readiness.lacks("discord", why)
