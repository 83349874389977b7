"""A message, as the simulated Discord remembers it."""

from dataclasses import asdict, dataclass, field
from typing import Any

from bot.simulator.clock import iso
from bot.simulator.people import Author

Nonce = str | int


@dataclass(slots=True)
class Message:
    """What was posted, by whom, and when."""

    id: int
    channel: int
    author: Author
    content: str
    at: float
    embeds: list[dict[str, Any]] = field(default_factory=list)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    nonce: Nonce | None = None
    flags: int = 0
    allowed_mentions: dict[str, Any] | None = None
    edited_at: float | None = None
    deleted: bool = False

    def payload(self) -> dict[str, Any]:
        """Return the message object of the API; history has no nonce."""
        return {
            "id": str(self.id),
            "channel_id": str(self.channel),
            "type": 0,
            "author": self.author.payload(),
            "content": self.content,
            "embeds": self.embeds,
            "attachments": self.attachments,
            "timestamp": iso(self.at),
            "edited_timestamp": iso(self.edited_at) if self.edited_at else None,
            "flags": self.flags,
            "tts": False,
            "pinned": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "components": [],
        }

    def receipt(self) -> dict[str, Any]:
        """Return what the poster gets back: the message and its nonce."""
        return self.payload() if self.nonce is None else {**self.payload(), "nonce": self.nonce}

    def evidence(self) -> dict[str, Any]:
        """Return everything that a test may want to see."""
        return {**self.payload(), "nonce": self.nonce, "allowed_mentions": self.allowed_mentions}

    def row(self) -> dict[str, Any]:
        """Return it as plain data, to be kept in a file."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "Message":
        """Read what `row` has written."""
        return cls(**{**row, "author": Author(**row["author"])})
