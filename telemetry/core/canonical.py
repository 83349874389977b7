"""One spelling for each JSON value, so that equal bodies have equal digests."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# Beyond this a double no longer holds every integer, so 1e300 and an integer are different facts.
EXACT_INTEGER = 2**53


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def canonical(value: Any) -> str:
    """Spell a JSON value in one way, whatever the order of its keys or the spelling of its numbers."""
    return _encode(_plain(value))


def digest(value: Any) -> str:
    """Hash the canonical spelling (SHA-256, hexadecimal)."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def differing(first: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Name the entries in which two JSON objects differ."""
    missing = object()
    return [
        name
        for name in sorted({*first, *other})
        if first.get(name, missing) is missing
        or other.get(name, missing) is missing
        or canonical(first[name]) != canonical(other[name])
    ]


def _plain(value: Any) -> Any:
    # Asked for every leaf of every event: the most frequent kinds come first, by their exact type.
    kind = type(value)
    if kind is str or kind is int:
        return value
    if kind is dict:
        return {name: _plain(item) for name, item in value.items()}
    # Producers in JavaScript cannot tell 1 from 1.0: a repeat by another client is still the same body.
    if kind is float and value.is_integer() and abs(value) < EXACT_INTEGER:
        return int(value)
    if kind is list or kind is tuple:
        return [_plain(item) for item in value]
    return value
