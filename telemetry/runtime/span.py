"""A span of time as the file and the command line spell it: `90s`, `15m`, `36h`, `2d`."""

import re
from datetime import timedelta
from typing import Any

from telemetry.core.timing import UNITS
from telemetry.runtime.config import quoted

FURTHEST = timedelta(days=3653)  # ten years
_SPAN = re.compile(r"([0-9]{1,9})([smhd])")


def read_seconds(spelling: Any) -> int:
    """Read a span in seconds; raise ValueError saying what is expected."""
    match = _SPAN.fullmatch(spelling) if isinstance(spelling, str) else None
    seconds = int(match[1]) * UNITS[match[2]] if match else 0
    if not 1 <= seconds <= FURTHEST.total_seconds():
        raise ValueError(f'expected from "1s" to ten years, as in "90s", "15m", "36h" or "2d", not {quoted(spelling)}')
    return seconds


def read_span(spelling: Any) -> timedelta:
    """Read a span; raise ValueError saying what is expected."""
    return timedelta(seconds=read_seconds(spelling))
