"""Looking in a channel's history for what may or may not have been posted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import discord

from bot.permissions import Rights
from consumers.discord.message import find_markers, marker
from telemetry.store.channels import Batch

# Message ids carry Discord's time; the tries carry the database's, corrected by Discord's Date header.
MARGIN = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Found:
    """The batch is in the channel."""

    message_id: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """The batch is certainly not in the channel."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The channel's history cannot tell."""

    reason: str


class Looking(Protocol):
    """What Discord lets us see."""

    async def rights(self, channel: str) -> Rights:
        """Ask what we may do in a channel."""

    async def history(self, channel: str, start: datetime, end: datetime) -> Sequence[Mapping[str, Any]]:
        """Read a channel's messages between two moments of Discord's time."""


async def look(session: Looking, channel: str, batch: Batch, skew: timedelta) -> Found | NotFound | Unreadable:
    """Look for a batch; raise UnavailableError when Discord does not answer now."""
    try:
        rights = await session.rights(channel)
        if not (rights.view and rights.history):
            # Without the permission the answer is an empty page, which proves nothing.
            return Unreadable("whether it was posted cannot be seen: give the bot Read Message History")
        start, end = batch.origin_at + skew - MARGIN, batch.last_at + skew + MARGIN
        messages = await session.history(channel, start, end)
    except (discord.Forbidden, discord.NotFound) as error:
        return Unreadable(f"whether it was posted cannot be seen: {error.text or error}")
    return _search(messages, batch, embeds=rights.embed)


def _search(messages: Sequence[Mapping[str, Any]], batch: Batch, *, embeds: bool) -> Found | NotFound | Unreadable:
    wanted = {marker(name, generation) for name, generation in batch.members}
    own = [message for message in messages if message["author"]["id"] == batch.author]
    for message in own:
        if wanted <= find_markers(message):
            return Found(str(message["id"]))
    if any(wanted & find_markers(message) for message in own):
        return Unreadable("a part of it was told by another message: look at the channel")
    # Where embeds are stripped the marker may have vanished with them.
    if any(not message.get("embeds") and not find_markers(message) for message in own):
        return Unreadable("an own message without embeds lies in the time range: it may be this one")
    if not embeds:
        return Unreadable("embeds may have been stripped from it: give the bot Embed Links")
    return NotFound()
