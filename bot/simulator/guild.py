"""One guild, its channels, and what the bot may do in each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from bot.simulator.people import BOT, OWNER

GUILD_ID = 1_100_000_000_000_000_002
BOT_ROLE_ID = 1_100_000_000_000_000_003

VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
EMBED_LINKS = 1 << 14
READ_MESSAGE_HISTORY = 1 << 16
EVERYTHING_NEEDED = VIEW_CHANNEL | SEND_MESSAGES | EMBED_LINKS | READ_MESSAGE_HISTORY
JOINED = "2025-01-01T00:00:00.000000+00:00"


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the bot may do in a channel."""

    view: bool = True
    send: bool = True
    embed: bool = True
    history: bool = True

    @classmethod
    def read(cls, granted: Mapping[str, Any]) -> "Permissions":
        """Take permissions from JSON; one that is not named is granted; raise ValueError for an unknown one."""
        if unknown := set(granted) - {field.name for field in fields(cls)}:
            raise ValueError(f"there is no permission {', '.join(sorted(unknown))}")
        return cls(**{name: bool(value) for name, value in granted.items()})

    def __and__(self, other: "Permissions") -> "Permissions":
        """Grant only what both grant."""
        names = [field.name for field in fields(self)]
        return Permissions(**{name: getattr(self, name) and getattr(other, name) for name in names})

    @property
    def denied(self) -> int:
        """The bits that a channel overwrite takes away."""
        bits = (VIEW_CHANNEL, SEND_MESSAGES, EMBED_LINKS, READ_MESSAGE_HISTORY)
        allowed = (self.view, self.send, self.embed, self.history)
        return sum(bit for bit, may in zip(bits, allowed, strict=True) if not may)


@dataclass(slots=True)
class Channel:
    """A text channel."""

    id: int
    name: str
    position: int = 0
    permissions: Permissions = Permissions()
    last_message: int | None = None

    def payload(self) -> dict[str, Any]:
        """Return the channel object of the API."""
        return {
            "id": str(self.id),
            "guild_id": str(GUILD_ID),
            "type": 0,
            "name": self.name,
            "position": self.position,
            "topic": None,
            "nsfw": False,
            "parent_id": None,
            "rate_limit_per_user": 0,
            "last_message_id": str(self.last_message) if self.last_message else None,
            "permission_overwrites": self._overwrites(),
        }

    def _overwrites(self) -> list[dict[str, Any]]:
        if not (denied := self.permissions.denied):
            return []
        # The bot's own overwrite comes last in Discord's order, so nothing can grant it back.
        return [{"id": str(BOT.id), "type": 1, "allow": "0", "deny": str(denied)}]


class Guild:
    """The one guild of the simulated Discord."""

    def __init__(self, name: str, channels: Mapping[int, str]) -> None:
        self.name = name
        self.granted = Permissions()  # by the roles, in every channel
        self._channels = {
            number: Channel(number, title, position) for position, (number, title) in enumerate(channels.items())
        }

    def __iter__(self) -> Iterator[Channel]:
        """Walk through the channels in the order they were made."""
        return iter(tuple(self._channels.values()))

    def channel(self, number: int) -> Channel | None:
        """Return a channel, if there is one of this id."""
        return self._channels.get(number)

    def add(self, number: int, name: str) -> Channel:
        """Make a channel, or give an existing one a new name."""
        channel = self._channels.setdefault(number, Channel(number, name, len(self._channels)))
        channel.name = name
        return channel

    def remove(self, number: int) -> Channel | None:
        """Delete a channel; return it, if there was one."""
        return self._channels.pop(number, None)

    def payload(self) -> dict[str, Any]:
        """Return the guild object of the API, without channels and members."""
        return {
            "id": str(GUILD_ID),
            "name": self.name,
            "icon": None,
            "owner_id": str(OWNER.id),
            "roles": self.roles(),
            "emojis": [],
            "stickers": [],
            "features": [],
            "verification_level": 0,
            "default_message_notifications": 1,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "afk_timeout": 300,
            "premium_tier": 0,
            "preferred_locale": "en-US",
            "system_channel_flags": 0,
        }

    def roles(self) -> list[dict[str, Any]]:
        """Return everyone's role and the bot's."""
        return [self._role(GUILD_ID, "@everyone", 0), self._role(BOT_ROLE_ID, BOT.name, 1)]

    def member(self) -> dict[str, Any]:
        """Return the bot as a member."""
        return {"user": BOT.payload(), **membership()}

    def arrival(self) -> dict[str, Any]:
        """Return what the gateway tells of the guild to a bot that has connected."""
        return {
            **self.payload(),
            "joined_at": JOINED,
            "large": False,
            "unavailable": False,
            "member_count": 2,
            "members": [self.member()],
            "channels": [channel.payload() for channel in self],
            "threads": [],
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def _role(self, number: int, name: str, position: int) -> dict[str, Any]:
        return {
            "id": str(number),
            "name": name,
            "color": 0,
            "hoist": False,
            "position": position,
            "permissions": str(EVERYTHING_NEEDED & ~self.granted.denied),
            "managed": False,
            "mentionable": False,
            "flags": 0,
        }


def membership() -> dict[str, Any]:
    """Return a member object without its user, as messages carry it."""
    return {
        "roles": [str(BOT_ROLE_ID)],
        "nick": None,
        "joined_at": JOINED,
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
    }
