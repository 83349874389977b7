"""What the bot may do in a channel, computed as Discord does (API reference, "Permissions")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import discord


@dataclass(frozen=True, slots=True)
class Rights:
    """The permissions that posting and looking back need."""

    view: bool
    send: bool
    embed: bool
    history: bool

    @property
    def missing(self) -> list[str]:
        """Name, as Discord's settings do, what is not granted."""
        named = {
            "View Channel": self.view,
            "Send Messages": self.send,
            "Embed Links": self.embed,
            "Read Message History": self.history,
        }
        return [name for name, granted in named.items() if not granted]


ALL = Rights(view=True, send=True, embed=True, history=True)


def rights(channel: Mapping[str, Any], guild: Mapping[str, Any], member: Mapping[str, Any], user: str) -> Rights:
    """Compute a member's rights in a channel from the server's roles and the channel's overwrites."""
    roles = {role["id"]: int(role["permissions"]) for role in guild["roles"]}
    mine = [role for role in member["roles"] if role in roles]
    value = roles.get(guild["id"], 0)
    for role in mine:
        value |= roles[role]
    if guild.get("owner_id") == user or discord.Permissions(value).administrator:
        return ALL
    overwrites = {overwrite["id"]: overwrite for overwrite in channel.get("permission_overwrites", [])}
    for group in ([guild["id"]], mine, [user]):
        chosen = [overwrites[name] for name in group if name in overwrites]
        for overwrite in chosen:
            value &= ~int(overwrite["deny"])
        for overwrite in chosen:
            value |= int(overwrite["allow"])
    granted = discord.Permissions(value)
    return Rights(
        view=granted.view_channel,
        send=granted.view_channel and granted.send_messages,
        embed=granted.embed_links,
        history=granted.view_channel and granted.read_message_history,
    )
