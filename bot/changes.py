"""What Discord has told of channels, kept until somebody has acted on it."""

import anyio


class Changes:
    """The channels about which something has changed; None stands for all of them.

    It outlives every connection to the database: Discord may tell while that is away.
    """

    def __init__(self) -> None:
        self._channels: set[str | None] = set()
        self._noted = anyio.Event()

    def note(self, channel: str | None) -> None:
        """Note that a channel (None: every one) may be another than it was."""
        self._channels.add(channel)
        self._noted.set()

    async def wait(self) -> None:
        """Wait until something is noted that nobody has taken."""
        while not self._channels:
            self._noted = anyio.Event()
            await self._noted.wait()

    def take(self) -> set[str | None]:
        """Take all that is noted, to act on it."""
        taken, self._channels = self._channels, set()
        return taken

    def put_back(self, taken: set[str | None]) -> None:
        """Note again what could not be acted on."""
        for channel in taken:
            self.note(channel)
