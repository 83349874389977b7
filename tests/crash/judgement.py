"""What came of a run, in a word."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Judgement:
    """Everything that is wrong with the world after a run; nothing, if all is well."""

    lost: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    other: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every fact was told once, in order, and every row accounts for it."""
        return not (self.lost or self.twice or self.other)

    def __add__(self, more: "Judgement") -> "Judgement":
        """Hold both against it."""
        return Judgement(self.lost + more.lost, self.twice + more.twice, self.other + more.other)

    def __str__(self) -> str:
        """Say what is wrong in one line."""
        kinds = {"lost": self.lost, "twice": self.twice, "and": self.other}
        return "; ".join(f"{kind} {', '.join(found)}" for kind, found in kinds.items() if found) or "holds"


def told(what: str, times: int) -> Judgement:
    """Judge what was to be told once by how often it was."""
    return Judgement(lost=(what,) * (times == 0), twice=(what,) * (times > 1))


def wrong(found: Iterable[str]) -> Judgement:
    """Judge by what is wrong in any other way."""
    return Judgement(other=tuple(found))
