"""Whom the bot can write to."""

from collections.abc import Mapping

from bot.simulator.people import BOT, Author

WELL_FORMED = range(10**14, 10**20)  # 15 to 20 digits


class Users:
    """The users that were named, and, where strangers are known, whoever has a well-formed id."""

    def __init__(self, named: Mapping[int, str], *, strangers: bool) -> None:
        self._strangers = strangers
        self._known: dict[int, Author | None] = {BOT.id: BOT}  # None: gone
        self._known |= {number: Author(number, name) for number, name in named.items()}
        self._refusing: set[int] = set()

    def find(self, number: int) -> Author | None:
        """Return a user, if there is one of this id."""
        if number in self._known:
            return self._known[number]
        return Author(number, f"user …{number % 1_000_000:06}") if self._strangers and number in WELL_FORMED else None

    def add(self, number: int, name: str) -> Author:
        """Make a user, or give an existing one a new name."""
        self._known[number] = made = Author(number, name)
        return made

    def remove(self, number: int) -> None:
        """Let a user be nobody, strangers known or not."""
        self._known[number] = None

    def take_directs(self, number: int, *, takes: bool) -> None:
        """Let a user take direct messages, or none."""
        (self._refusing.discard if takes else self._refusing.add)(number)

    def takes_directs(self, number: int) -> bool:
        """Say whether a user takes direct messages."""
        return number not in self._refusing and self.find(number) is not None
