"""A gateway session: what it wants to hear, what it was told, and what it must be told again after a break."""

import asyncio
from collections import deque
from typing import Any
from uuid import uuid4

from bot.simulator.people import BOT

GUILDS, GUILD_MESSAGES, DIRECT_MESSAGES, MESSAGE_CONTENT = 1 << 0, 1 << 9, 1 << 12, 1 << 15
NEEDED = {
    "GUILD_CREATE": GUILDS,
    "GUILD_ROLE_UPDATE": GUILDS,
    "CHANNEL_CREATE": GUILDS,
    "CHANNEL_UPDATE": GUILDS,
    "CHANNEL_DELETE": GUILDS,
}
# What a broken connection may miss and still resume.
MOST_MISSED = 1_000

Frame = dict[str, Any]
Outbox = asyncio.Queue[Frame | None]


class Session:
    """Numbers its events, keeps the latest, and hands them to the connection it has at the moment."""

    def __init__(self, intents: int) -> None:
        self.id = uuid4().hex
        self.outbox: Outbox | None = None
        self._intents = intents
        self._sequence = 0
        self._latest: deque[Frame] = deque(maxlen=MOST_MISSED)

    def tell(self, event: str, payload: Frame) -> None:
        """Dispatch an event, if the session asked for its kind."""
        needed = _needed(event, payload)
        if self._intents & needed != needed:
            return
        self._sequence += 1
        frame = {"op": 0, "t": event, "s": self._sequence, "d": self._seen(event, payload)}
        self._latest.append(frame)
        if self.outbox is not None:
            self.outbox.put_nowait(frame)

    def can_resume(self, sequence: int) -> bool:
        """Say whether everything after a number can still be told."""
        oldest = self._latest[0]["s"] if self._latest else self._sequence + 1
        return oldest - 1 <= sequence <= self._sequence

    def resume(self, sequence: int, outbox: Outbox) -> None:
        """Take a new connection, and tell it everything after a number."""
        for frame in self._latest:
            if frame["s"] > sequence:
                outbox.put_nowait(frame)
        self.outbox = outbox
        self.tell("RESUMED", {"_trace": []})

    def _seen(self, event: str, payload: Frame) -> Frame:
        foreign = event.startswith("MESSAGE_") and payload.get("author", {}).get("id", str(BOT.id)) != str(BOT.id)
        # What is said to the bot itself it may read.
        if foreign and "guild_id" in payload and not self._intents & MESSAGE_CONTENT:
            return {**payload, "content": "", "embeds": [], "attachments": []}
        return payload


def _needed(event: str, payload: Frame) -> int:
    if event.startswith("MESSAGE_"):
        return GUILD_MESSAGES if "guild_id" in payload else DIRECT_MESSAGES
    return NEEDED.get(event, 0)
