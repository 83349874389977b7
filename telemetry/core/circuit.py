"""Whether a destination is worth trying: shut after failures in a row, then tried with one delivery.

Times are monotonic seconds. An outcome that is about one delivery alone leaves the circuit as it is.
"""

from dataclasses import dataclass
from random import Random

from telemetry.core.backoff import Backoff
from telemetry.core.outcome import Dead, Delivered, Outcome, Retry, Unknown

# Where a destination asks for a pause and does not say how long.
THROTTLED = Backoff(first=5.0, cap=300.0)
# Where it does say: longer than this is not believed.
LONGEST_PAUSE = 3600.0


@dataclass(slots=True)
class Circuit:
    """What one destination has answered lately."""

    most: int  # failures in a row
    rests: Backoff
    failures: int = 0  # in a row
    pauses: int = 0  # asked for in a row
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
                self.failures = self.pauses = 0
                self.trying, self.reason = False, ""
            case Retry(reason, after, costs=False):
                self.pauses += 1
                asked = THROTTLED.delay(self.pauses, chance) if after is None else min(after, LONGEST_PAUSE)
                self.shut(now + asked, reason)
            case Retry(reason) | Unknown(reason):
                self.failures += 1
                if self.trying or self.failures >= self.most:
                    self.shut(now + self.rests.delay(max(self.failures - self.most + 1, 1), chance), reason)

    def shut(self, until: float, reason: str) -> None:
        """Send nothing until a moment, then one delivery first."""
        self.until, self.reason, self.trying = max(self.until, until), reason, True
