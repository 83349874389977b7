"""What came back of one request to the outside."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said; of a long body, its beginning."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing readable came back; `certain` where nothing can have arrived either."""

    reason: str
    certain: bool
