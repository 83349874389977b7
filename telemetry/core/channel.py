"""What a Discord destination is called where the bot keeps its state: a channel by its id, a user by "@" and the id.

So a user and a channel never meet, and all channels stand before all users. The channel in which a user is
written to has an id as well, which is not used: it is learnt by asking Discord.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from telemetry.core.audience import SNOWFLAKE

CHANNEL, USER = "discord", "discord-user"
_CHANNEL, _USER = f"{CHANNEL}:", f"{USER}:"
AT = "@"
# Discord's ids begin with the milliseconds since its own epoch (API reference, "Snowflakes").
EPOCH = datetime(2015, 1, 1, tzinfo=UTC)


def told_by_bot(destination: str) -> bool:
    """Say whether a destination is one of the bot's."""
    return destination.startswith((_CHANNEL, _USER))


def channel_of(destination: str) -> str:
    """Give the channel, or the user, that a destination names."""
    if destination.startswith(_USER):
        return AT + destination.removeprefix(_USER)
    return destination.removeprefix(_CHANNEL)


def destination_of(channel: str) -> str:
    """Name a channel, or a user, as deliveries do."""
    user = user_of(channel)
    return _CHANNEL + channel if user is None else _USER + user


def user_of(channel: str) -> str | None:
    """Give the user that is written to, if it is one."""
    return channel.removeprefix(AT) if channel.startswith(AT) else None


def message_link(result: Mapping[str, Any]) -> str | None:
    """Spell where a posted message is; `@me` stands for direct messages, and for a server that was not known."""
    if not result.get("message_id") or not result.get("channel_id"):
        return None
    return f"https://discord.com/channels/{result.get('guild_id', '@me')}/{result['channel_id']}/{result['message_id']}"


def posted_at(result: Mapping[str, Any]) -> datetime | None:
    """Say when a message was posted, by Discord's clock: its id tells."""
    name = str(result.get("message_id") or "")
    return EPOCH + timedelta(milliseconds=int(name) >> 22) if SNOWFLAKE.fullmatch(name) else None
