"""All messages, by channel, oldest first."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from operator import attrgetter

from bot.simulator.journal import Journal
from bot.simulator.message import Message
from bot.simulator.nonces import Nonces

# Trimmed in strides: cutting the head of a long list for every post would cost more than the post.
STRIDE = 500

by_id = attrgetter("id")


class Messages:
    """Keeps the messages of every channel, up to a number each, and knows their nonces."""

    def __init__(self, nonces: Nonces, journal: Journal, keep: int) -> None:
        self.nonces = nonces
        self._journal = journal
        self._keep = keep
        self._channels: dict[int, list[Message]] = {}
        self._posted: dict[int, int] = {}

    def load(self, kept: Iterable[Message]) -> int:
        """Take what an earlier run has kept, oldest first; return the greatest id."""
        last = 0
        for message in kept:
            self._remember(message)
            last = message.id
        return last

    def add(self, message: Message) -> None:
        """Keep a new message."""
        self._journal.write(message)
        self._remember(message)

    def change(self, message: Message) -> None:
        """Keep what has been edited."""
        self._journal.write(message)

    def delete(self, message: Message) -> None:
        """Take a message out of its channel; its nonce stays known."""
        message.deleted = True
        self._channels[message.channel].remove(message)
        self._journal.write(message)

    def find(self, number: int, channel: int | None = None) -> Message | None:
        """Return a message by its id, in one channel or in any."""
        for row in self._channels.values() if channel is None else [self._in(channel)]:
            place = bisect_left(row, number, key=by_id)
            if place < len(row) and row[place].id == number:
                return row[place]
        return None

    def posted(self, channel: int) -> int:
        """Count what was ever posted to a channel, deleted or not."""
        return self._posted.get(channel, 0)

    def all(self, channel: int) -> list[Message]:
        """Return the messages of a channel, oldest first."""
        return list(self._in(channel))

    def newest(self, channel: int, limit: int) -> list[Message]:
        """Return the newest messages, newest first."""
        return self._in(channel)[-limit:][::-1]

    def before(self, channel: int, anchor: int, limit: int) -> list[Message]:
        """Return the messages just before an id, newest first."""
        row = self._in(channel)
        end = bisect_left(row, anchor, key=by_id)
        return row[max(0, end - limit) : end][::-1]

    def after(self, channel: int, anchor: int, limit: int) -> list[Message]:
        """Return the messages just after an id, newest first."""
        row = self._in(channel)
        start = bisect_right(row, anchor, key=by_id)
        return row[start : start + limit][::-1]

    def around(self, channel: int, anchor: int, limit: int) -> list[Message]:
        """Return the messages on both sides of an id, newest first."""
        older = self.before(channel, anchor + 1, limit // 2 + 1)
        return self.after(channel, anchor, limit - len(older)) + older

    def close(self) -> None:
        """Let go of the file."""
        self._journal.close()

    def _in(self, channel: int) -> list[Message]:
        return self._channels.get(channel, [])

    def _remember(self, message: Message) -> None:
        row = self._channels.setdefault(message.channel, [])
        self._posted[message.channel] = self.posted(message.channel) + 1
        self.nonces.note(message)
        if not message.deleted:
            row.append(message)
        if len(row) >= self._keep + STRIDE:
            del row[: len(row) - self._keep]
