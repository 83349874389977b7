"""What a Discord destination is called where the bot keeps its state: a channel by its id, a user by "@" and the id.

So a user and a channel never meet, and all channels stand before all users. The channel in which a user is
written to has an id as well, which is not used: it is learnt by asking Discord.
"""

CHANNEL, USER = "discord", "discord-user"
_CHANNEL, _USER = f"{CHANNEL}:", f"{USER}:"
AT = "@"


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
