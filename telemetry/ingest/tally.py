"""How often each fact came again: counted in memory, and noted on the events' rows in the background.

A repeat costs no write of its own: at most one update a key and round, and nothing while nothing comes again. What a
kill -9 interrupts is a round's counts, which are lost; so what is noted is the least that came.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

from telemetry.core.clock import Clock, milliseconds
from telemetry.core.errors import TellonceError, UnavailableError
from telemetry.core.event import Repeats
from telemetry.ingest.accept import Result
from telemetry.ingest.aside import Aside
from telemetry.runtime.logs import get_logger

log = get_logger(__name__)

EVERY = 5.0
# Forty rows a second at most, however many come again; as many keys are kept until it is their turn.
MOST_AT_ONCE = 200
MOST_KEYS = 10_000
MOST_NAMES, LONGEST_NAME = 20, 100
LAST_SECONDS = 1.0


class Counts(Protocol):
    """Where the counts are kept."""

    async def add(self, repeats: Mapping[str, Repeats], token: str) -> None:
        """Add counts by key; repeated with the same token it adds nothing."""


class Tally:
    """Counts what came again, by key; the keys it holds are bounded, and what is beyond is not counted."""

    def __init__(
        self, counts: Counts, clock: Clock, token: Callable[[], str], *, every: float = EVERY, most: int = MOST_KEYS
    ) -> None:
        self._counts = counts
        self._clock = clock
        self._token = token
        self._most = most
        self._waiting: dict[str, Repeats] = {}
        self._begun: tuple[str, dict[str, Repeats]] | None = None
        self._missed = 0
        self._aside = Aside(self._write, gather=every, last=LAST_SECONDS)

    def note(self, result: Result) -> None:
        """Count a submission whose key was taken."""
        if result.id is None:
            return
        known = self._waiting.get(result.id)
        if known is None and len(self._waiting) >= self._most:
            self._missed += 1
            return
        counts = Counter(known.counts if known else ()) + Counter([result.status])
        names = tuple(name[:LONGEST_NAME] for name in result.differs[:MOST_NAMES])
        differs = names or (known.differs if known else ())
        self._waiting[result.id] = Repeats(counts, milliseconds(self._clock.now()), differs)
        self._aside.want()

    async def run(self) -> None:
        """Note the counts every few seconds until cancelled, then what is left, as far as a second takes."""
        await self._aside.run()

    async def _write(self) -> None:
        if not (self._begun or self._waiting):
            return
        # Interrupted, or not answered, the same is added again under the same token: that adds nothing twice.
        token, some = self._begun = self._begun or (self._token(), self._take())
        try:
            await self._counts.add(some, token)
        except UnavailableError:
            raise
        except TellonceError as error:
            log.warning("repeats.uncounted", events=_number(some), why=str(error))
        self._begun = None
        if self._missed:
            log.warning("repeats.uncounted", events=self._missed, why=f"{self._most} keys came again at once")
            self._missed = 0
        if self._waiting:
            self._aside.want()

    def _take(self) -> dict[str, Repeats]:
        return {key: self._waiting.pop(key) for key in list(self._waiting)[:MOST_AT_ONCE]}


def _number(some: Mapping[str, Repeats]) -> int:
    return sum(sum(one.counts.values()) for one in some.values())
