"""Whether a JSON value can be stored and returned intact, and how large it is. Pure, and hot: each byte passes here."""

from collections.abc import Iterable
from math import isfinite
from typing import Any, NoReturn

from telemetry.ingest.wire import Repeating

# BSON ends at 100 levels; a query tool gives up earlier.
MAX_DEPTH = 64
MAX_INTEGER = 2**63
PATH_SHOWN = 100


class Flaw(Exception):  # noqa: N818 - what is wrong with a value
    """Why a value cannot be stored; the way to it is gathered as the exception rises."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.way: list[str] = []

    def __str__(self) -> str:
        """Name the way to the value, and what is wrong there."""
        path = "".join(reversed(self.way)).removeprefix(".")
        place = f"{path[:PATH_SHOWN]}{'…' if len(path) > PATH_SHOWN else ''}: " if path else ""
        # A name may be what is wrong: the answer must be text.
        return f"{place}{self.args[0]}".encode("utf-8", "backslashreplace").decode()


class TooLarge(Flaw):
    """It has more bytes than are taken."""


def check_value(value: Any, most: int) -> int:
    """Answer how many bytes a value has as compact JSON in UTF-8; raise Flaw or TooLarge, having read no more."""
    size = _size(value, most, 0)
    if size > most:
        _end(size)
    return size


def _size(value: Any, most: int, depth: int) -> int:
    # A JSON reader makes these types and no others; asking for the type itself is the quickest question.
    kind = type(value)
    if kind is str:
        return 2 + (len(value) if value.isascii() else _text_size(value))
    if kind is dict or kind is Repeating:
        return _object_size(value, most, _deeper(depth))
    if kind is list:
        return _array_size(value, most, _deeper(depth))
    if kind is float and not isfinite(value):
        raise Flaw("NaN, Infinity or a number beyond 64 bits")
    if kind is int and not -MAX_INTEGER <= value < MAX_INTEGER:
        raise Flaw("an integer beyond 64 bits")
    return len(repr(value))


def _deeper(depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise Flaw(f"nested deeper than {MAX_DEPTH} levels")
    return depth + 1


def _object_size(value: dict[str, Any], most: int, depth: int) -> int:
    if isinstance(value, Repeating):
        raise Flaw(f"the name {value.name!r} is given twice")
    names = "".join(value)
    if "\0" in names:
        raise Flaw("a name holds a NUL character")
    size = 2 + 4 * len(value) + _text_size(names) - bool(value)
    return _items_size(value.items(), ".{}", size, most, depth)


def _array_size(value: list[Any], most: int, depth: int) -> int:
    return _items_size(enumerate(value), "[{}]", 2 + len(value) - bool(value), most, depth)


def _items_size(items: Iterable[tuple[str | int, Any]], spelt: str, size: int, most: int, depth: int) -> int:
    way: str | int = ""
    try:
        for way, item in items:  # noqa: B007 - the way to what is wrong
            size += _size(item, most, depth)
            if size > most:
                _end(size)
    except Flaw as flaw:
        flaw.way.append(spelt.format(way))
        raise
    return size


def _end(size: int) -> NoReturn:
    raise TooLarge(f"{size} bytes and more")


def _text_size(text: str) -> int:
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise Flaw("a lone surrogate, which is not text") from None
