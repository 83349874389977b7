"""Breadth-first search: every state there is, the shortest way to a bad one, and whether all can end well."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.model.rules import Rule
from tests.model.state import World
from tests.model.step import Kind
from tests.model.steps import steps

Breach = Callable[[World], str | None]


@dataclass
class Explored:
    """The states that were reached, in order, and what was wrong with one of them."""

    worlds: dict[World, int] = field(default_factory=dict)
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


def explore(start: World, rules: frozenset[Rule], breach: Breach, *, symmetric: bool = False) -> Explored:
    """Reach every state, or the first that is wrong; where couriers are alike one of two mirrored states will do."""
    found = Explored()
    waiting: deque[tuple[World, int]] = deque()
    _reach(found, waiting, start, -1, "events are stored")
    while waiting:
        world, here = waiting.popleft()
        if wrong := breach(world):
            found.wrong, found.wrong_at = wrong, here
            return found
        for kind, words, after in steps(world, rules):
            there = _reach(found, waiting, _canonical(after) if symmetric else after, here, words)
            if kind is not Kind.TROUBLE:
                found.sources[there].append(here)
    return found


def _reach(found: Explored, waiting: deque[tuple[World, int]], world: World, here: int, words: str) -> int:
    number = found.worlds.setdefault(world, len(found.came_from))
    if number == len(found.came_from):
        found.came_from.append((here, words))
        found.sources.append([])
        waiting.append((world, number))
    return number


def _canonical(world: World) -> World:
    # Couriers differ by nothing but their number: of two worlds that swap them one is enough.
    first, second = world.couriers
    if hash(first) <= hash(second):
        return world
    holder = 1 - world.holder if world.holder in (0, 1) else world.holder
    return world._replace(couriers=(second, first), holder=holder)


def trapped(found: Explored, is_finished: Callable[[World], bool]) -> list[int]:
    """List the states from which work and time alone can no longer finish everything."""
    reached = [is_finished(world) for world in found.worlds]
    waiting = [number for number, good in enumerate(reached) if good]
    while waiting:
        for source in found.sources[waiting.pop()]:
            if not reached[source]:
                reached[source] = True
                waiting.append(source)
    return [number for number, good in enumerate(reached) if not good]
