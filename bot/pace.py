"""How soon the next post may go: per channel as Discord's headers say, overall as our own limit says."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# Discord allows 50 requests a second and bot (API reference, "Rate Limits", Global Rate Limit).
GLOBAL_LIMIT = 50.0


@dataclass
class Pace:
    """What is known of the limits, in monotonic seconds."""

    rate: float  # posts a second over all channels
    _next_slot: float = 0.0
    _silent_until: float = 0.0
    _channels: dict[str, float] = field(default_factory=dict)

    def wait(self, channel: str, now: float) -> float:
        """Take the next slot; answer how many seconds to sleep before using it."""
        slot = max(now, self._next_slot, self._silent_until, self._channels.pop(channel, 0.0))
        self._next_slot = max(now, self._next_slot) + 1 / self.rate
        return slot - now

    def learn(self, channel: str, headers: Mapping[str, str], now: float) -> None:
        """Note what an answer's headers say about the channel's bucket."""
        try:
            if int(headers.get("X-RateLimit-Remaining", "1")) <= 0:
                self._channels[channel] = now + float(headers["X-RateLimit-Reset-After"])
        except (KeyError, ValueError):
            return

    def hold(self, channel: str | None, until: float) -> None:
        """Post nothing to a channel, or nothing at all, until a moment."""
        if channel is None:
            self._silent_until = max(self._silent_until, until)
        else:
            self._channels[channel] = max(self._channels.get(channel, 0.0), until)
