"""What an operator has paused: by whom, why, and until when."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing goes on until an operator says so, or until its end."""

    by: str
    at: datetime
    reason: str = ""
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Say whether it has not ended by itself."""
        return self.until is None or now < self.until

    @property
    def line(self) -> str:
        """Spell it in one line."""
        end = f" until {self.until:%Y-%m-%d %H:%M:%S} UTC" if self.until else ""
        return f"paused by {self.by}{end}{f': {self.reason}' if self.reason else ''}"
