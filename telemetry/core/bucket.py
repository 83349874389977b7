"""How often something may be done: tokens that come at uneven intervals, a few of which can be saved up."""

from dataclasses import dataclass
from random import Random

# Each interval is up to this much of itself shorter or longer, so that nothing outside falls into step.
JITTER = 0.25


@dataclass(slots=True)
class Bucket:
    """Tokens at so many a minute; times are monotonic seconds. The first one is there at once."""

    rate: float  # a minute
    most: int  # tokens that can be saved up
    next_at: float
    tokens: int = 0

    def refill(self, now: float, chance: Random) -> int:
        """Take in the tokens that have come by now, and say how many there are."""
        while self.tokens < self.most and self.next_at <= now:
            self.tokens += 1
            self.next_at += 60 / self.rate * chance.uniform(1 - JITTER, 1 + JITTER)
        if self.tokens == self.most:
            # A full one gains nothing by waiting.
            self.next_at = max(self.next_at, now + 60 / self.rate * (1 - JITTER))
        return self.tokens

    def take(self, number: int) -> None:
        """Use tokens up."""
        self.tokens -= number
