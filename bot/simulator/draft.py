"""A message body, read and found to be within Discord's limits."""

from dataclasses import dataclass, field
from typing import Any

from bot.simulator.complaints import Complaints
from bot.simulator.embeds import Embed, read_embeds, units
from bot.simulator.message import Nonce

MOST_CONTENT = 2000
MOST_NONCE = 25
# What a bot may set: no link previews, silent, voice message, components v2.
FLAGS = 1 << 2 | 1 << 12 | 1 << 13 | 1 << 15


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to post."""

    content: str = ""
    embeds: list[Embed] = field(default_factory=list)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    nonce: Nonce | None = None
    enforce_nonce: bool = False
    flags: int = 0
    allowed_mentions: dict[str, Any] | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing of it would be shown."""
        return not (self.content or self.embeds or self.attachments)

    @classmethod
    def read(cls, body: dict[str, Any], attachments: list[dict[str, Any]] | None = None) -> "Draft":
        """Read a body; refuse it with all complaints at once when it breaks a limit."""
        complaints = Complaints()
        draft = cls(
            content=read_content(body, complaints),
            embeds=read_embeds(body.get("embeds") or [], complaints),
            attachments=attachments or [],
            nonce=read_nonce(body, complaints),
            enforce_nonce=body.get("enforce_nonce") is True,
            flags=read_flags(body, complaints),
            allowed_mentions=body.get("allowed_mentions"),
        )
        complaints.settle()
        return draft


def read_content(body: dict[str, Any], complaints: Complaints) -> str:
    """Read the text of a message, without the white space around it."""
    content = body.get("content")
    text = str(content).strip() if isinstance(content, str | int | float) else ""
    if units(text) > MOST_CONTENT:
        complaints.too_long(("content",), MOST_CONTENT)
    return text


def read_nonce(body: dict[str, Any], complaints: Complaints) -> Nonce | None:
    """Read the nonce: a short text or an integer."""
    nonce = body.get("nonce")
    if nonce is None:
        return None
    if isinstance(nonce, bool) or not isinstance(nonce, str | int):
        complaints.add(("nonce",), "BASE_TYPE_BAD_TYPE", "Must be a string or an integer.")
        return None
    if units(str(nonce)) > MOST_NONCE:
        complaints.too_long(("nonce",), MOST_NONCE)
    return nonce


def read_flags(body: dict[str, Any], complaints: Complaints) -> int:
    """Read the flags, leaving out those that a bot cannot set."""
    flags = body.get("flags") or 0
    if not isinstance(flags, int):
        complaints.add(("flags",), "NUMBER_TYPE_COERCE", f'Value "{flags}" is not int.')
        return 0
    return flags & FLAGS
