"""The log of requests: what came, what was answered, and how much at once."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

MOST_ENTRIES = 5_000
COUNTED_AS_INVALID = frozenset({401, 403, 429})


@dataclass(slots=True)
class Entry:
    """One request, from its arrival to its answer."""

    method: str
    path: str
    channel: int | None
    creates: bool
    nonce: str | int | None
    start: float
    end: float | None = None  # absent while under way
    status: int | None = None  # absent while under way, and for good when the connection was cut

    def payload(self) -> dict[str, Any]:
        """Return it as JSON; ids are texts there."""
        return {**asdict(self), "channel": str(self.channel) if self.channel else None}


class Traffic:
    """Keeps the latest requests, and counts all of them."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.requests: deque[Entry] = deque(maxlen=MOST_ENTRIES)
        self.statuses: Counter[str] = Counter()
        self.invalid = 0
        self.in_flight: Counter[int] = Counter()
        self.most_in_flight: Counter[int] = Counter()

    def enter(self, method: str, path: str, channel: int | None, *, creates: bool, nonce: str | int | None) -> Entry:
        """Note that a request has arrived."""
        entry = Entry(method, path, channel, creates, nonce, self._monotonic())
        self.requests.append(entry)
        if creates and channel is not None:
            self.in_flight[channel] += 1
            self.most_in_flight[channel] = max(self.most_in_flight[channel], self.in_flight[channel])
        return entry

    def leave(self, entry: Entry, status: int | None, *, shared: bool = False) -> None:
        """Note that a request is over; a second time changes nothing."""
        if entry.end is not None:
            return
        entry.end, entry.status = self._monotonic(), status
        if entry.creates and entry.channel is not None:
            self.in_flight[entry.channel] -= 1
        self.statuses[str(status) if status else "cut"] += 1
        # Discord bans an address after 10,000 of these in ten minutes.
        self.invalid += status in COUNTED_AS_INVALID and not shared

    def stats(self) -> dict[str, Any]:
        """Sum it up."""
        return {
            "requests": sum(self.statuses.values()) + sum(entry.end is None for entry in self.requests),
            "statuses": dict(self.statuses),
            "invalid_requests": self.invalid,
            "in_flight": {str(channel): count for channel, count in self.in_flight.items() if count},
            "max_in_flight": {str(channel): count for channel, count in self.most_in_flight.items()},
        }
