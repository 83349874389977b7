"""How long to wait before the next try."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double from `first` to `cap` seconds, each shortened by up to a half at random."""

    first: float = 1.0
    cap: float = 60.0

    def delay(self, failures: int, rng: Random) -> float:
        """Seconds to wait after so many failures in a row (1 or more)."""
        ceiling = min(self.first * 2.0 ** min(failures - 1, 32), self.cap)
        return ceiling * rng.uniform(0.5, 1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Waits in seconds, one for each failure that another try follows, each a tenth shorter or longer at random."""

    waits: tuple[float, ...]

    def delay(self, failures: int, rng: Random) -> float | None:
        """Seconds to wait after so many failures (1 or more); None after the last try."""
        if failures > len(self.waits):
            return None
        return self.waits[failures - 1] * rng.uniform(0.9, 1.1)
