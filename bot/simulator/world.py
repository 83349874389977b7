"""Everything the simulated Discord knows, and what can happen in it."""

import time
from typing import Any

from bot.simulator.clock import Clock, DiscordTime
from bot.simulator.directs import Direct, Directs
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
from bot.simulator.users import Users


class World:
    """One guild and some users with their messages, the trouble scripted for it, and the news of it."""

    def __init__(self, settings: SimulatorSettings, clock: Clock = time.time) -> None:
        self.settings = settings
        self.time = DiscordTime(clock)
        self.token_valid = True
        self.news = News()
        self.guild = Guild(settings.guild, settings.channels)
        self.users = Users(settings.users, strangers=settings.strangers)
        self.directs = Directs()
        self.faults = Faults()
        self.limits = Limits(self.time.now, on=settings.limits)
        self.traffic = Traffic(time.monotonic)
        self._journal = Journal(settings.state)
        self.messages = Messages(Nonces(settings.nonce_window, self.time.now), self._journal, settings.keep)
        self._mill = SnowflakeMill(self.time.now)
        self._remember()

    def knows(self, token: str) -> bool:
        """Say whether a token opens the door."""
        return self.token_valid and token == self.settings.token

    def place(self, number: int) -> Channel | Direct | None:
        """Return the channel of the guild or of direct messages that has this id, if there is one."""
        return self.guild.channel(number) or self.directs.channel(number)

    def open_direct(self, user: Author) -> Direct:
        """Open the channel of a user's direct messages, unless it is open; bots are not told of it."""
        if found := self.directs.of(user.id):
            return found
        self.limits.open()
        self._journal.open(user)
        return self.directs.open(user)

    def post(self, channel: Channel | Direct, author: Author, draft: Draft) -> Message:
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
        where = self._guild_of(message)
        member = {"member": membership()} if where else {}
        self.news.tell("MESSAGE_CREATE", {**message.receipt(), **where, **member})
        return message

    def edit(self, message: Message, body: dict[str, Any]) -> None:
        """Change a message in what the body names, and tell everyone."""
        draft = Draft.read({"content": message.content, "embeds": message.embeds, **body})
        message.content, message.embeds = draft.content, draft.embeds
        message.edited_at = self.time.now()
        self.messages.change(message)
        self.news.tell("MESSAGE_UPDATE", {**message.payload(), **self._guild_of(message)})

    def delete(self, message: Message) -> None:
        """Delete a message and tell everyone."""
        self.messages.delete(message)
        place = {"channel_id": str(message.channel), **self._guild_of(message)}
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

    def _guild_of(self, message: Message) -> dict[str, str]:
        return {} if self.directs.channel(message.channel) else {"guild_id": str(GUILD_ID)}

    def _remember(self) -> None:
        kept = self._journal.read()
        self._mill.start_after(self.messages.load(kept.messages))
        for user in kept.recipients:
            direct = self.directs.open(self.users.find(user.id) or user)
            direct.last_message = next((message.id for message in self.messages.newest(direct.id, 1)), None)
