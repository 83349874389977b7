"""What Discord lets us see: what we may do in a channel, and what has been said there."""

from datetime import datetime
from typing import Any

import aiohttp
import discord
from discord.http import Route

from bot.permissions import ALL, Rights, rights
from telemetry.core.errors import UnavailableError

PAGE = 100


class Lookout:
    """Reads through a client that is logged in."""

    def __init__(self, client: discord.Client, author: str) -> None:
        self._client = client
        self._author = author

    async def rights(self, channel: str, guilds: dict[str, Any] | None = None) -> Rights:
        """Ask what we may do in a channel; raise UnavailableError when Discord cannot say now.

        Who asks about several in a row hands the same `guilds` to each: a server is asked about itself once.
        """
        guilds = {} if guilds is None else guilds
        found = await self._get(f"/channels/{channel}")
        if "guild_id" not in found:
            # Direct messages: they know no permissions (API reference, "Permissions").
            return ALL
        place = f"/guilds/{found['guild_id']}"
        if place not in guilds:
            guilds[place] = await self._get(place), await self._get(f"{place}/members/{self._author}")
        guild, member = guilds[place]
        return rights(found, guild, member, self._author)

    async def history(self, channel: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
        """Read all messages of a channel between two moments of Discord's time."""
        after, before = discord.utils.time_snowflake(start), discord.utils.time_snowflake(end, high=True)
        messages: list[dict[str, Any]] = []
        while True:
            page = await self._get(f"/channels/{channel}/messages", limit=PAGE, before=before)
            messages += [message for message in page if int(message["id"]) > after]
            if len(page) < PAGE or int(page[-1]["id"]) <= after:
                return messages
            before = int(page[-1]["id"])

    async def _get(self, path: str, **params: int) -> Any:
        try:
            return await self._client.http.request(Route("GET", path), params=params)
        except (discord.Forbidden, discord.NotFound):
            raise
        except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnavailableError(f"Discord does not answer: {error}") from error
