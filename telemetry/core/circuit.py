"""Whether a destination is worth trying: shut after failures in a row, then tried with one delivery.

Times are monotonic seconds. An outcome that is about one delivery alone leaves the circuit as it is.
"""

from dataclasses import dataclass
from random import Random

from telemetry.core.backoff import Backoff
from telemetry.core.outcome import Dead, Delivered, Outcome, Retry, Unknown

# A longer pause than this is not believed to be meant.
LONGEST_PAUSE = 3600.0


@dataclass(slots=True)
class Circuit:
    """What one destination has answered lately."""

    most: int  # failures in a row
    rests: Backoff  # after them
    pauses: Backoff  # where one is asked for and it is not said how long
    failures: int = 0  # in a row
    paused: int = 0  # for an untold time, in a row
    until: float = 0.0  # nothing is sent before
    trying: bool = False  # one delivery finds out whether the others may follow
    reason: str = ""

    def room(self, concurrency: int, now: float) -> int:
        """Say how many deliveries may be on their way at once."""
        if now < self.until:
            return 0
        return 1 if self.trying else concurrency

    def learn(self, outcome: Outcome, now: float, chance: Random) -> None:
        """Take in what one try came to."""
        match outcome:
            case Delivered() | Dead():
                self.failures = self.paused = 0
                # One that was on its way before does not end a rest.
                self.trying = self.trying and now < self.until
            case Retry(reason, None, costs=False):
                self.paused += 1
                self.shut(now + self.pauses.delay(self.paused, chance), reason)
            case Retry(reason, float(after), costs=False):
                self.shut(now + min(after, LONGEST_PAUSE), reason)
            case Retry(reason) | Unknown(reason):
                self.failures += 1
                if self.trying or self.failures >= self.most:
                    self.shut(now + self.rests.delay(max(self.failures - self.most + 1, 1), chance), reason)

    def shut(self, until: float, reason: str) -> None:
        """Send nothing until a moment, then one delivery first."""
        self.until, self.reason, self.trying = max(self.until, until), reason, True

    def reopen(self, now: float) -> None:
        """Let one delivery try at once: somebody believes that it is well again."""
        self.until = min(self.until, now)
