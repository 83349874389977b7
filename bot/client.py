"""discord.py as we use it: a gateway connection for receipts and news of channels, and REST for looking."""

from collections.abc import Callable
from typing import Any

import anyio
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from telemetry.runtime.logs import get_logger

log = get_logger(__name__)

MOST_RECEIPTS = 10_000


class Receipts:
    """Which message each of our nonces became, as far as this process has heard."""

    def __init__(self) -> None:
        self._messages: dict[str, str] = {}
        self._awaited: dict[str, anyio.Event] = {}

    def note(self, nonce: str, message_id: str) -> None:
        """Remember a receipt, and let go of the oldest beyond a bound."""
        self._messages[nonce] = message_id
        if awaited := self._awaited.get(nonce):
            awaited.set()
        while len(self._messages) > MOST_RECEIPTS:
            del self._messages[next(iter(self._messages))]

    def get(self, nonce: str) -> str | None:
        """Give the message that a nonce became, if it is known."""
        return self._messages.get(nonce)

    async def wait(self, nonce: str) -> str:
        """Wait until a nonce has become a message."""
        awaited = self._awaited.setdefault(nonce, anyio.Event())
        try:
            while nonce not in self._messages:
                await awaited.wait()
        finally:
            self._awaited.pop(nonce, None)
        return self._messages[nonce]


class GatewayClient(discord.Client):
    """Hears our own messages come back, and that something about a channel has changed."""

    def __init__(self, receipts: Receipts, changed: Callable[[str | None], None]) -> None:
        intents = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
        # A member cache would grow with the servers the bot is in; nothing here asks for members.
        super().__init__(
            intents=intents,
            max_messages=None,
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_ratelimit_timeout=30.0,
        )
        self._receipts = receipts
        self._changed = changed

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Pass an event on while open: the library tells of being ready late, to a loop that may be gone."""
        if not self.is_closed():
            super().dispatch(event, *args, **kwargs)

    async def on_ready(self) -> None:
        """Say that the gateway is there."""
        log.info("gateway.ready", user=str(self.user))

    async def on_message(self, message: discord.Message) -> None:
        """Take the echo of an own message as its receipt."""
        if self.user and message.author.id == self.user.id and message.nonce is not None:
            self._receipts.note(str(message.nonce), str(message.id))

    async def on_guild_channel_update(self, _before: Any, after: discord.abc.GuildChannel) -> None:
        """Try a blocked channel again: its permissions may be others."""
        self._changed(str(after.id))

    async def on_guild_channel_create(self, channel: discord.abc.GuildChannel) -> None:
        """Try a blocked channel again."""
        self._changed(str(channel.id))

    async def on_guild_role_update(self, _before: Any, _after: discord.Role) -> None:
        """Try all blocked channels again: a role's permissions may be others."""
        self._changed(None)

    async def on_guild_available(self, _guild: discord.Guild) -> None:
        """Try all blocked channels again."""
        self._changed(None)

    async def on_guild_join(self, _guild: discord.Guild) -> None:
        """Try all blocked channels again."""
        self._changed(None)


def point_at(api_base: str | None, gateway: str | None) -> None:
    """Point discord.py at another Discord, for the local simulator; nothing given changes nothing."""
    # The library has no public setting for these two names; a test holds that they exist.
    if api_base:
        Route.BASE = api_base.rstrip("/")
    if gateway:
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
