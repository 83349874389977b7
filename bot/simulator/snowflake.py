"""Ids that carry their time of birth and only ever grow."""

from bot.simulator.clock import Clock

DISCORD_EPOCH_MS = 1_420_070_400_000
TIME_SHIFT = 22


def snowflake(epoch: float) -> int:
    """Return the smallest id of a moment."""
    return max(0, int(epoch * 1000) - DISCORD_EPOCH_MS) << TIME_SHIFT


class SnowflakeMill:
    """Mints ids, each greater than all before it, whatever the clock does."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._last = 0

    def mint(self) -> int:
        """Return the next id."""
        self._last = max(self._last + 1, snowflake(self._now()))
        return self._last

    def start_after(self, known: int) -> None:
        """Never mint this id or a smaller one."""
        self._last = max(self._last, known)
