"""A step of a fact's way, as a trace tells it. Every step of one fact belongs to one trace, whoever makes it.

The trace is named by the key and the receipt, which all have in hand: nothing is stored or passed on for it, and what a
successor does after a crash is in the trace of what its predecessor did.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

Said = str | int


@dataclass(frozen=True, slots=True)
class Step:
    """Something that a daemon did about a fact."""

    name: str
    key: str
    receipt: str
    began: datetime
    ended: datetime
    attributes: Mapping[str, Said] = field(default_factory=dict)
    wrong: str = ""  # what went wrong with it
    first: bool = False  # the others hang below it


def trace_of(key: str, receipt: str) -> tuple[int, int]:
    """Name a fact's trace (128 bits) and its first step (64 bits), neither of them 0."""
    digest = sha256(f"{key}|{receipt}".encode()).digest()
    return int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:24]) or 1


def sampled(trace: int, ratio: float) -> bool:
    """Say whether a trace is kept: all daemons say the same of one trace (OpenTelemetry, TraceIdRatioBased)."""
    return trace & (2**64 - 1) < round(ratio * 2**64)
