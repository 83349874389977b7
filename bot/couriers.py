"""The couriers at hand, with what they know."""

from bot.courier import ChannelCourier
from bot.desk import Desk
from telemetry.core.channel import user_of
from telemetry.store.channels import Channel
from telemetry.store.feed import Hint

MOST_USERS = 1_000


class Couriers:
    """Keeps the courier of every channel, and of users those that were needed last."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._channels: dict[str, ChannelCourier] = {}
        self._users: dict[str, ChannelCourier] = {}

    def remember(self, row: Channel) -> None:
        """Make the courier of a channel whose row was read."""
        self._channels[row.id] = ChannelCourier(row.id, self._desk, row)

    def channels(self) -> list[str]:
        """List the channels that have a courier."""
        return list(self._channels)

    def users(self) -> int:
        """Count the users that have a courier."""
        return len(self._users)

    def of(self, channel: str) -> ChannelCourier:
        """Give the courier of a channel or user."""
        if user_of(channel) is None:
            return self._channels.setdefault(channel, ChannelCourier(channel, self._desk))
        self._users[channel] = courier = self._users.pop(channel, None) or ChannelCourier(channel, self._desk)
        while len(self._users) > MOST_USERS:
            # Whoever is at work with it goes on; all that the next one must know is in the user's row.
            del self._users[next(iter(self._users))]
        return courier

    def knows(self, channel: str, hint: Hint) -> bool:
        """Say whether a hint is old news."""
        courier = self._channels.get(channel) or self._users.get(channel)
        return courier is not None and courier.knows(hint)
