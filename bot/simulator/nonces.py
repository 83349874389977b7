"""The memory of nonces: which message a repeated one belongs to."""

from collections import deque

from bot.simulator.clock import Clock
from bot.simulator.message import Message, Nonce

Key = tuple[int, int, str]


class Nonces:
    """Remembers the nonce of every message for a window of time, then forgets it."""

    def __init__(self, window: float, now: Clock) -> None:
        self.window = window
        self._now = now
        self._aged = 0.0
        self._messages: dict[Key, tuple[float, Message]] = {}
        self._ages: deque[tuple[float, Key]] = deque()

    def age(self, seconds: float) -> None:
        """Let the memory alone grow older."""
        self._aged += seconds

    def note(self, message: Message) -> None:
        """Remember a message by its nonce, if it has one."""
        if message.nonce is not None:
            key = (message.author.id, message.channel, str(message.nonce))
            noted = message.at + self._aged
            self._messages[key] = (noted, message)
            self._ages.append((noted, key))

    def find(self, author: int, channel: int, nonce: Nonce) -> Message | None:
        """Return the message that has used a nonce within the window."""
        self._forget()
        _, message = self._messages.get((author, channel, str(nonce)), (0.0, None))
        return message

    def _forget(self) -> None:
        oldest = self._now() + self._aged - self.window
        while self._ages and self._ages[0][0] < oldest:
            noted, key = self._ages.popleft()
            # Used again without enforce_nonce, it belongs to the younger message.
            if key in self._messages and self._messages[key][0] == noted:
                del self._messages[key]
