"""Messages kept in a file of JSON lines, so that a restart still shows them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from bot.simulator.message import Message


class Journal:
    """Writes down each message when it is made or changed, and reads them back."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None

    def read(self) -> Iterator[Message]:
        """Return every message in its last form, oldest first."""
        latest: dict[int, Message] = {}
        for row in self._rows():
            latest[row.id] = row
        yield from (latest[number] for number in sorted(latest))

    def write(self, message: Message) -> None:
        """Note a message as it is now."""
        if self._path is None:
            return
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a", encoding="utf-8")
            self._file.write("\n")  # ends a line that a kill has cut short
        self._file.write(json.dumps(message.row(), separators=(",", ":")) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _rows(self) -> Iterator[Message]:
        if self._path is None or not self._path.exists():
            return
        with self._path.open(encoding="utf-8") as lines:
            for line in lines:
                # Empty, or cut short by a kill: the rest still counts.
                try:
                    yield Message.from_row(json.loads(line))
                except (ValueError, TypeError, KeyError):
                    continue
