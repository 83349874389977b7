"""What a request for history asks for."""

from typing import Any

from aiohttp import web

from bot.simulator.refusals import RefusedError, invalid_form

MOST_HISTORY = 100
ANCHORS = ("around", "before", "after")


def limit_of(request: web.Request) -> int:
    """Return how many messages are asked for."""
    limit = number_of(request, "limit", "50")
    if not 1 <= limit <= MOST_HISTORY:
        raise bad_query("limit", "NUMBER_TYPE_MAX", f"int value should be between 1 and {MOST_HISTORY}.")
    return limit


def anchor_of(request: web.Request) -> tuple[str, int] | None:
    """Return the direction and the id that history is asked from, if any."""
    named = [name for name in ANCHORS if name in request.query]
    return (named[0], number_of(request, named[0])) if named else None


def number_of(request: web.Request, name: str, default: str = "") -> int:
    """Return a number from the query."""
    text = request.query.get(name, default)
    if not text.isdecimal():
        raise bad_query(name, "NUMBER_TYPE_COERCE", f'Value "{text}" is not int.')
    return int(text)


def bad_query(name: str, code: str, text: str) -> RefusedError:
    """Refuse a query."""
    tree: dict[str, Any] = {name: {"_errors": [{"code": code, "message": text}]}}
    return invalid_form(tree)
