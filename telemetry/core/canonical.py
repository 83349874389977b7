"""One spelling for each JSON value, so that equal bodies have equal digests."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# Beyond this a double no longer holds every integer, so 1e300 and an integer are different facts.
EXACT_INTEGER = 2**53


def canonical(value: Any) -> str:
    """Spell a JSON value in one way, whatever the order of its keys or the spelling of its numbers."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """Hash the canonical spelling (SHA-256, hexadecimal)."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: Any) -> Any:
    # Producers in JavaScript cannot tell 1 from 1.0: a repeat by another client is still the same body.
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT_INTEGER:
        return int(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
