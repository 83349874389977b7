"""Messages and opened direct messages kept in a file of JSON lines, so that a restart still shows them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from bot.simulator.message import Message
from bot.simulator.people import Author


@dataclass(frozen=True, slots=True)
class Kept:
    """What an earlier run has left: messages, oldest first, and the users whose direct messages were opened."""

    messages: Sequence[Message]
    recipients: Sequence[Author]


class Journal:
    """Writes down each message when it is made or changed, and reads them back."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None

    def read(self) -> Kept:
        """Return every message in its last form, and every recipient."""
        latest: dict[int, Message] = {}
        recipients: list[Author] = []
        for row in self._rows():
            # Cut short by a kill, or not ours: the rest still counts.
            try:
                if "recipient" in row:
                    recipients.append(Author(**row["recipient"]))
                else:
                    message = Message.from_row(row)
                    latest[message.id] = message
            except (TypeError, KeyError):
                continue
        return Kept([latest[number] for number in sorted(latest)], recipients)

    def write(self, message: Message) -> None:
        """Note a message as it is now."""
        self._append(message.row())

    def open(self, recipient: Author) -> None:
        """Note that a user's direct messages were opened."""
        self._append({"recipient": asdict(recipient)})

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _append(self, row: dict[str, Any]) -> None:
        if self._path is None:
            return
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a", encoding="utf-8")
            self._file.write("\n")  # ends a line that a kill has cut short
        self._file.write(json.dumps(row, separators=(",", ":")) + "\n")
        self._file.flush()

    def _rows(self) -> Iterator[dict[str, Any]]:
        if self._path is None or not self._path.exists():
            return
        with self._path.open(encoding="utf-8") as lines:
            for line in lines:
                # Empty, or cut short by a kill.
                try:
                    row = json.loads(line)
                except ValueError:
                    continue
                if isinstance(row, dict):
                    yield row
