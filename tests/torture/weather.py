"""How it is on one daemon's ways out."""

import asyncio
from enum import StrEnum

from tests.crash.crossings import Side


class Mode(StrEnum):
    """What happens to a message."""

    CALM = "calm"
    CUT = "cut off"  # nothing arrives, and nothing says so
    DELAY = "delay"
    DEAFEN = "drop answers"


class Weather:
    """Lets messages pass, late, or not at all."""

    def __init__(self) -> None:
        self._mode = Mode.CALM
        self._changed = asyncio.Event()
        self._turn = 0

    def enter(self, exchange: str) -> int:
        """Number nothing: what happens here is a matter of when, not of what."""
        return 0

    async def cross(self, exchange: str, ordinal: int, side: Side) -> None:
        """Pass, wait, or cut, as the weather is."""
        match self._mode:
            case Mode.DELAY:
                await asyncio.sleep(0.3)
            case Mode.CUT:
                await self._changed.wait()
                raise ConnectionResetError
            case Mode.DEAFEN if side is Side.AFTER and exchange:
                raise ConnectionResetError

    async def turn(self, mode: Mode, seconds: float) -> None:
        """Be so for a while; whatever comes next ends it early."""
        self._turn += 1
        turn = self._turn
        self._become(mode)
        await asyncio.sleep(seconds)
        if turn == self._turn:
            self._become(Mode.CALM)

    def clear(self) -> None:
        """Be calm, for good."""
        self._turn += 1
        self._become(Mode.CALM)

    def _become(self, mode: Mode) -> None:
        self._mode = mode
        self._changed.set()
        self._changed = asyncio.Event()
