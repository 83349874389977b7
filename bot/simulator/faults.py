"""Scripted trouble: which requests it meets, and what it does to them."""

import asyncio
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from bot.simulator.exchange import Exchange

Action = Literal["status", "drop", "delay", "hold", "garbage", "cloudflare"]
When = Literal["before", "after"]

# How often a held request looks whether its client is still there: aiohttp tells a handler nothing.
GLANCE = 0.01


class Fault(BaseModel):
    """One kind of trouble. "After" means: once the request has been processed with success."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Action
    when: When = "before"
    channel: int | None = None  # null: any
    method: str = "POST"  # "*": any
    route: str = "messages"  # the last fixed part of the path; "*": any
    after: int = 0  # let that many matching requests pass first
    times: int | None = 1  # null: for ever
    status: int = 500
    code: int = 0
    message: str | None = None
    body: Any = None  # instead of code and message; a text is sent as it is
    headers: dict[str, str] = {}
    retry_after: float | None = None
    scope: Literal["user", "global", "shared"] = "user"  # of a 429
    seconds: float = 0.0  # of a delay
    reset: bool = False  # drop by RST instead of FIN
    even_if_gone: bool = False  # process what was held before, although its client has hung up

    @model_validator(mode="before")
    @classmethod
    def _garbage_follows_success(cls, data: Any) -> Any:
        return {"when": "after", **data} if isinstance(data, dict) and data.get("action") == "garbage" else data

    def meets(self, exchange: Exchange) -> bool:
        """Say whether a request is of the kind this fault is for."""
        return (
            self.method in ("*", exchange.method)
            and self.route in ("*", exchange.route)
            and self.channel in (None, exchange.channel)
        )


class Faults:
    """The script, played in order: the first fault that meets a request takes it."""

    def __init__(self) -> None:
        self._script: list[_Part] = []
        self._gate = asyncio.Event()
        self.held = 0

    def script(self, **fields: Any) -> Fault:
        """Add a fault to the script; raise ValueError when it makes no sense."""
        fault = Fault.model_validate(fields)
        self._script.append(_Part(fault))
        return fault

    def pending(self) -> list[Fault]:
        """List the faults that will still strike."""
        return [part.fault for part in self._script if not part.spent]

    def clear(self) -> None:
        """Throw the script away and release what is held."""
        self._script.clear()
        self.release()

    def release(self) -> None:
        """Let go of every request that is held now."""
        self._gate.set()
        self._gate = asyncio.Event()

    def take(self, when: When, exchange: Exchange) -> Fault | None:
        """Return the fault that strikes a request at this point, if one does."""
        for part in self._script:
            if part.fault.when == when and part.fault.meets(exchange) and part.strikes():
                return part.fault
        return None

    async def hold(self, exchange: Exchange, fault: Fault) -> None:
        """Return when released, or when the client has hung up and nobody waits for the rest."""
        gate = self._gate
        self.held += 1
        try:
            while not gate.is_set():
                if exchange.gone:
                    exchange.leave()
                    if not fault.even_if_gone:
                        return
                await _soon(gate)
        finally:
            self.held -= 1


class _Part:
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self._met = 0

    @property
    def spent(self) -> bool:
        """Whether it has struck as often as it should."""
        return self.fault.times is not None and self._met >= self.fault.after + self.fault.times

    def strikes(self) -> bool:
        """Count a meeting; say whether this one is hit."""
        if self.spent:
            return False
        self._met += 1
        return self._met > self.fault.after


async def _soon(gate: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(gate.wait(), GLANCE)
    except TimeoutError:
        return
