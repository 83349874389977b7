"""Who submits: a source has a name that stays, and secrets that come and go."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from telemetry.core.rate import Rate

SECRET_PREFIX = "tok_"  # noqa: S105 - by this, tools that look for leaked secrets know one
NAME = re.compile(r"[A-Za-z0-9_.-]+")
LONGEST_NAME = 100
# What events of nobody in particular are stored with.
OPEN = "open"


@dataclass(frozen=True, slots=True)
class Digest:
    """What is kept of a secret, and until when it is taken; None: until it is rotated or revoked."""

    value: str
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Say whether the secret is taken at a moment."""
        return self.until is None or self.until > now


@dataclass(frozen=True, slots=True)
class Source:
    """One source; `added_at` is None where only the environment of an ingest knows it."""

    name: str
    digests: Sequence[Digest] = ()
    rate: Rate | None = None
    added_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used: datetime | None = None

    def digests_at(self, now: datetime) -> list[Digest]:
        """Give those that are taken at a moment."""
        return [digest for digest in self.digests if digest.holds(now)]


def check_source_name(name: str) -> None:
    """Raise ValueError for what cannot name a source."""
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME or name == OPEN:
        raise ValueError(
            f"expected up to {LONGEST_NAME} letters, digits, '_', '.' or '-', and not {OPEN!r}, as a name: {name!r}"
        )


def digest_of(secret: str) -> str:
    """Hash a secret for keeping.

    A fast hash is right here: a slow one makes guessing dear where people choose the secret, and 256 bits of chance
    are not guessed at any speed; each request would pay for it.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
