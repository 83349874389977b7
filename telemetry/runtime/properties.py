"""Properties of an event that somebody wrote by hand: what JSON and the database can hold."""

import json
from typing import Any

LARGEST = 64 * 1024
MOST_LEVELS = 32
MAX_INTEGER = 2**63


def check_properties(properties: dict[str, Any]) -> dict[str, Any]:
    """Return properties that can be stored; raise ValueError saying what is wrong with them."""
    try:
        size = len(json.dumps(properties, allow_nan=False, ensure_ascii=False).encode())
        _check_value(properties, 0)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"expected what JSON can hold: {error}") from None
    if size > LARGEST:
        raise ValueError(f"expected at most {LARGEST} bytes, not {size}")
    return properties


def _check_value(value: Any, depth: int) -> None:
    if depth > MOST_LEVELS:
        raise ValueError(f"nested deeper than {MOST_LEVELS} levels")
    if isinstance(value, int) and not -MAX_INTEGER <= value < MAX_INTEGER:
        raise ValueError("an integer beyond 64 bits")
    if isinstance(value, dict):
        if any("\0" in name for name in value):
            raise ValueError("a name holds a NUL character")
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        _check_value(item, depth + 1)
