"""The channels of direct messages: one for each user that was ever written to."""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import nlargest
from typing import Any

from bot.simulator.people import Author

# The id follows from the user's: a second run of the same gives the same ids, and no user's own id is a channel's.
APART = 0xD1EC7


@dataclass(slots=True)
class Direct:
    """The channel in which the bot and one user write to each other."""

    id: int
    recipient: Author
    last_message: int | None = None

    def payload(self) -> dict[str, Any]:
        """Return the channel object of the API: of type 1, and of no guild."""
        return {
            "id": str(self.id),
            "type": 1,
            "flags": 0,
            "last_message_id": str(self.last_message) if self.last_message else None,
            "recipients": [self.recipient.payload()],
        }


class Directs:
    """Every channel of direct messages that was ever opened."""

    def __init__(self) -> None:
        self._channels: dict[int, Direct] = {}

    def __iter__(self) -> Iterator[Direct]:
        """Walk through the channels in the order they were opened."""
        return iter(tuple(self._channels.values()))

    def channel(self, number: int) -> Direct | None:
        """Return a channel, if there is one of this id."""
        return self._channels.get(number)

    def of(self, user: int) -> Direct | None:
        """Return the channel of a user, if it was opened."""
        return self._channels.get(user ^ APART)

    def open(self, user: Author) -> Direct:
        """Return the channel of a user, making it when there is none."""
        made = Direct(user.id ^ APART, user)
        return self._channels.setdefault(made.id, made)

    def latest(self, limit: int) -> list[Direct]:
        """Return the channels that were written in last, the latest first."""
        return nlargest(limit, self._channels.values(), key=lambda direct: (direct.last_message or 0, direct.id))
