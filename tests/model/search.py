"""Breadth-first search: every state there is, the shortest way to a bad one, and whether all can end well."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tests.model.step import Kind

W = TypeVar("W", bound=Hashable)


@dataclass
class Explored(Generic[W]):
    """The states that were reached, in order, and what was wrong with one of them."""

    worlds: dict[W, int] = field(default_factory=dict)
    came_from: list[tuple[int, str]] = field(default_factory=list)
    sources: list[list[int]] = field(default_factory=list)  # from where work or time leads to a state
    wrong: str | None = None
    wrong_at: int = 0

    def trace(self, number: int) -> list[str]:
        """Tell the shortest way to a state."""
        lines: list[str] = []
        while number >= 0:
            number, words = self.came_from[number]
            lines.append(words)
        return lines[::-1]


def explore(
    start: W,
    steps: Callable[[W], Iterable[tuple[Kind, str, W]]],
    breach: Callable[[W], str | None],
    canonical: Callable[[W], W] | None = None,
) -> Explored[W]:
    """Reach every state, or the first that is wrong; of states that are alike one will do, where told which."""
    found: Explored[W] = Explored()
    waiting: deque[tuple[W, int]] = deque()
    _reach(found, waiting, start, -1, "it begins")
    while waiting:
        world, here = waiting.popleft()
        if wrong := breach(world):
            found.wrong, found.wrong_at = wrong, here
            return found
        for kind, words, after in steps(world):
            there = _reach(found, waiting, canonical(after) if canonical else after, here, words)
            if kind is not Kind.TROUBLE:
                found.sources[there].append(here)
    return found


def _reach(found: Explored[W], waiting: deque[tuple[W, int]], world: W, here: int, words: str) -> int:
    number = found.worlds.setdefault(world, len(found.came_from))
    if number == len(found.came_from):
        found.came_from.append((here, words))
        found.sources.append([])
        waiting.append((world, number))
    return number


def trapped(found: Explored[W], is_finished: Callable[[W], bool]) -> list[int]:
    """List the states from which work and time alone can no longer finish everything."""
    reached = [is_finished(world) for world in found.worlds]
    waiting = [number for number, good in enumerate(reached) if good]
    while waiting:
        for source in found.sources[waiting.pop()]:
            if not reached[source]:
                reached[source] = True
                waiting.append(source)
    return [number for number, good in enumerate(reached) if not good]
