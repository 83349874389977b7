"""Who is in the simulated guild: the bot, its owner, and a foreign author."""

from dataclasses import dataclass
from typing import Any

BOT_ID = 1_100_000_000_000_000_001
STRANGER_ID = 1_100_000_000_000_000_004


@dataclass(frozen=True, slots=True)
class Author:
    """A user who may write messages."""

    id: int
    name: str
    bot: bool = False

    def payload(self) -> dict[str, Any]:
        """Return the user object of the API."""
        return {
            "id": str(self.id),
            "username": self.name,
            "discriminator": "0",
            "global_name": None if self.bot else self.name,
            "avatar": None,
            "bot": self.bot,
            "public_flags": 0,
            "flags": 0,
        }


BOT = Author(BOT_ID, "tellonce", bot=True)
OWNER = Author(1_100_000_000_000_000_005, "owner")
STRANGER = Author(STRANGER_ID, "somebody else")


def application() -> dict[str, Any]:
    """Return the application that the bot user belongs to."""
    return {
        "id": str(BOT.id),
        "name": BOT.name,
        "icon": None,
        "description": "",
        "bot_public": False,
        "bot_require_code_grant": False,
        "owner": OWNER.payload(),
        "team": None,
        "verify_key": "0" * 64,
        "flags": 0,
        "summary": "",
    }
