"""Texts in order, each once, however many: what memory should not hold lies on disk meanwhile."""

import heapq
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import groupby, islice
from tempfile import TemporaryFile

AT_ONCE = 50_000


def in_order(texts: Iterable[str], room: ExitStack, at_once: int = AT_ONCE) -> Iterator[str]:
    """Read lines of text to their end, then give them in order, each once, until the room is left."""
    pieces = [_laid_down(piece, room) for piece in _pieces(texts, at_once)]
    return (text for text, _ in groupby(heapq.merge(*pieces)))


def pages(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    """Gather texts into pieces of at most `size`."""
    going = iter(texts)
    while page := list(islice(going, size)):
        yield page


def _pieces(texts: Iterable[str], at_once: int) -> Iterator[list[str]]:
    return map(sorted, pages(texts, at_once))


def _laid_down(piece: list[str], room: ExitStack) -> Iterator[str]:
    # A file without a name: it is gone with the process, however that ends.
    file = room.enter_context(TemporaryFile("w+", encoding="utf-8", newline="\n"))  # noqa: SIM115 - the room closes it
    file.writelines(f"{text}\n" for text in piece)
    file.seek(0)
    return (line[:-1] for line in file)
