"""How soon the next post may go: per channel as Discord's headers say, overall as our own limit says."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# Users are channels too: what is over is forgotten beyond this.
MOST_CHANNELS = 1_000


@dataclass
class Pace:
    """What is known of the limits, in monotonic seconds."""

    rate: float  # posts a second over all channels
    _next_slot: float = 0.0
    _silent_until: float = 0.0
    _channels: dict[str, float] = field(default_factory=dict)

    def held(self, channel: str, now: float) -> float:
        """Say for how many seconds nothing may be posted to a channel."""
        if len(self._channels) > MOST_CHANNELS:
            self._channels = {name: until for name, until in self._channels.items() if until > now}
        return max(self._silent_until, self._channels.get(channel, 0.0)) - now

    def slot(self, now: float) -> float:
        """Take the next slot over all channels; answer in how many seconds it is."""
        slot = max(now, self._next_slot)
        self._next_slot = slot + 1 / self.rate
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
