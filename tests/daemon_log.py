"""What a daemon has written, while it goes on writing."""

import json
from pathlib import Path
from typing import Any


class DaemonLog:
    """A file that a daemon writes its lines of JSON to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def text(self) -> str:
        """Read all of it; nothing is there before the daemon is."""
        return self.path.read_text(errors="replace") if self.path.exists() else ""

    def lines(self) -> list[dict[str, Any]]:
        """Read what was logged, as far as each line is written out."""
        return [json.loads(line) for line in self.text().splitlines() if line.startswith("{") and line.endswith("}")]

    def said(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """Find lines of an event that carry some fields."""
        return [line for line in self.lines() if line.get("event") == event and fields.items() <= line.items()]

    def url(self) -> str:
        """Say where the daemon listens; empty until it does."""
        return next((str(line["url"]) for line in self.said("web.listening")), "")
