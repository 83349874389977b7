"""Everything the simulated Discord knows, and what can happen in it."""

import time
from typing import Any

from bot.simulator.clock import Clock, DiscordTime
from bot.simulator.draft import Draft
from bot.simulator.faults import Faults
from bot.simulator.guild import GUILD_ID, Channel, Guild, Permissions, membership
from bot.simulator.journal import Journal
from bot.simulator.limits import Limits
from bot.simulator.message import Message
from bot.simulator.messages import Messages
from bot.simulator.news import News
from bot.simulator.nonces import Nonces
from bot.simulator.people import Author
from bot.simulator.settings import SimulatorSettings
from bot.simulator.snowflake import SnowflakeMill
from bot.simulator.traffic import Traffic


class World:
    """One guild with its messages, the trouble scripted for it, and the news of it."""

    def __init__(self, settings: SimulatorSettings, clock: Clock = time.time) -> None:
        self.settings = settings
        self.time = DiscordTime(clock)
        self.token_valid = True
        self.news = News()
        self.guild = Guild(settings.guild, settings.channels)
        self.faults = Faults()
        self.limits = Limits(self.time.now, on=settings.limits)
        self.traffic = Traffic(time.monotonic)
        nonces = Nonces(settings.nonce_window, self.time.now)
        self.messages = Messages(nonces, Journal(settings.state), settings.keep)
        self._mill = SnowflakeMill(self.time.now)
        self._mill.start_after(self.messages.load())

    def knows(self, token: str) -> bool:
        """Say whether a token opens the door."""
        return self.token_valid and token == self.settings.token

    def post(self, channel: Channel, author: Author, draft: Draft) -> Message:
        """Create a message and tell everyone."""
        message = Message(
            id=self._mill.mint(),
            channel=channel.id,
            author=author,
            content=draft.content,
            at=self.time.now(),
            embeds=draft.embeds,
            attachments=draft.attachments,
            nonce=draft.nonce,
            flags=draft.flags,
            allowed_mentions=draft.allowed_mentions,
        )
        self.messages.add(message)
        channel.last_message = message.id
        self.news.tell("MESSAGE_CREATE", {**message.tidings(), "member": membership()})
        return message

    def edit(self, message: Message, body: dict[str, Any]) -> None:
        """Change a message in what the body names, and tell everyone."""
        draft = Draft.read({"content": message.content, "embeds": message.embeds, **body})
        message.content, message.embeds = draft.content, draft.embeds
        message.edited_at = self.time.now()
        self.messages.change(message)
        self.news.tell("MESSAGE_UPDATE", {**message.payload(), "guild_id": str(GUILD_ID)})

    def delete(self, message: Message) -> None:
        """Delete a message and tell everyone."""
        self.messages.delete(message)
        place = {"channel_id": str(message.channel), "guild_id": str(GUILD_ID)}
        self.news.tell("MESSAGE_DELETE", {"id": str(message.id), **place})

    def open_channel(self, number: int, name: str) -> Channel:
        """Make a channel and tell everyone."""
        channel = self.guild.add(number, name)
        self.news.tell("CHANNEL_CREATE", channel.payload())
        return channel

    def close_channel(self, number: int) -> Channel | None:
        """Delete a channel and tell everyone; return it, if there was one."""
        if channel := self.guild.remove(number):
            self.news.tell("CHANNEL_DELETE", channel.payload())
        return channel

    def permit(self, channel: Channel, permissions: Permissions) -> None:
        """Change what the bot may do in a channel, and tell everyone."""
        channel.permissions = permissions
        self.news.tell("CHANNEL_UPDATE", channel.payload())

    def grant(self, permissions: Permissions) -> None:
        """Change what the roles let the bot do in all channels, and tell everyone."""
        self.guild.granted = permissions
        for role in self.guild.roles():
            self.news.tell("GUILD_ROLE_UPDATE", {"guild_id": str(GUILD_ID), "role": role})
