"""Looking in a channel's history for what may or may not have been posted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import discord

from bot.permissions import Rights
from consumers.discord.message import find_markers, marker
from telemetry.core.clock import EPOCH
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


@dataclass(frozen=True, slots=True)
class Own:
    """A message of the bot, as far as it is looked at."""

    id: str
    markers: frozenset[str]
    bare: bool  # it has no embeds, which may have been stripped from it


@dataclass(frozen=True, slots=True)
class Past:
    """What the bot has said in a channel from one moment to another, read after the latter."""

    channel: str
    author: str
    since: datetime
    until: datetime
    own: Sequence[Own]
    embeds: bool  # whether those of the bot are shown there

    def covers(self, channel: str, batch: Batch) -> bool:
        """Say whether it tells of a batch that a backup left open: of all its tries, and they are all over."""
        within = self.since <= batch.origin_at and batch.last_at <= self.until
        return batch.first_at == EPOCH and within and (channel, batch.author) == (self.channel, self.author)


async def recall(session: Looking, channel: str, batch: Batch, skew: timedelta) -> Past | Unreadable:
    """Read the history where a batch may be; raise UnavailableError when Discord does not answer now."""
    try:
        rights = await session.rights(channel)
        if not (rights.view and rights.history):
            # Without the permission the answer is an empty page, which proves nothing.
            return Unreadable("whether it was posted cannot be seen: give the bot Read Message History")
        start, end = batch.origin_at + skew - MARGIN, batch.last_at + skew + MARGIN
        messages = await session.history(channel, start, end)
    except (discord.Forbidden, discord.NotFound) as error:
        return Unreadable(f"whether it was posted cannot be seen: {error.text or error}")
    own = [_own(message) for message in messages if message["author"]["id"] == batch.author]
    return Past(channel, batch.author, batch.origin_at, batch.last_at, own, rights.embed)


def _own(message: Mapping[str, Any]) -> Own:
    markers = frozenset(find_markers(message))
    return Own(str(message["id"]), markers, not message.get("embeds") and not markers)


def find(past: Past, batch: Batch) -> Found | NotFound | Unreadable:
    """Look for a batch in what was read."""
    wanted = {marker(name, generation) for name, generation in batch.members}
    for message in past.own:
        if wanted <= message.markers:
            return Found(message.id)
    if any(wanted & message.markers for message in past.own):
        return Unreadable("a part of it was told by another message: look at the channel")
    # Where embeds are stripped the marker may have vanished with them.
    if any(message.bare for message in past.own):
        return Unreadable("an own message without embeds lies in the time range: it may be this one")
    if not past.embeds:
        return Unreadable("embeds may have been stripped from it: give the bot Embed Links")
    return NotFound()
