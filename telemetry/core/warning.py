"""What producers do that somebody should look at, though nothing is lost by it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

LONGEST_SAMPLE = 200
# What stands for a type that is not known, or for all that are too many to be told apart.
OTHER = "other"


class Kind(StrEnum):
    """What is odd about an event."""

    UNKNOWN_TYPE = "unknown_type"
    MISSING_KEY_PART = "missing_key_part"
    CONFLICT = "conflict"
    CLOCK_SKEW = "clock_skew"
    OVERSIZE = "oversize"


@dataclass(frozen=True, slots=True)
class Warned:
    """How often one kind of thing was odd about one type, and what was said the last time."""

    kind: Kind
    type: str
    count: int
    since: datetime
    last: datetime
    source: str
    sample: str

    @property
    def id(self) -> str:
        """What two warnings have in common that are counted together."""
        return f"{self.kind}|{self.type}"


def sample_of(text: str) -> str:
    """Cut a line to what is kept of it."""
    # A name that a producer made up may be no text.
    line = text.encode("utf-8", "backslashreplace").decode()
    return line if len(line) <= LONGEST_SAMPLE else f"{line[: LONGEST_SAMPLE - 1]}…"
