"""Safeguards of couriers, and of a handler's completion."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from consumers.handler.context import Context
from telemetry.core.carrier import Errand
from telemetry.core.delivery import Delivery, Signal
from telemetry.core.event import Event
from telemetry.store.claims import Claims
from telemetry.store.completions import Completions
from telemetry.store.events import Events
from telemetry.store.transaction import Transaction
from tests.crash.sabotage.put import put


def constant_id() -> None:
    """Each try of a webhook goes out under an id of its own."""
    put(Errand, "id", property(lambda _: f"msg_{secrets.token_hex(16)}"))


def settling_last() -> None:
    """A delivery counts as done as soon as a courier has taken it."""
    take = Claims.take

    async def taken(self: Claims, delivery: Delivery, holder: str, until: datetime) -> Delivery | None:
        mine = await take(self, delivery, holder, until)
        if mine is not None:
            await self.finish(mine, Signal.DONE, result={"status": 0})
        return mine

    put(Claims, "take", taken)


def emits_in_the_row() -> None:
    """What follows from a completion is told after it, by whoever completed."""
    complete = Completions.complete

    async def completed(
        self: Completions,
        delivery: Delivery,
        holder: str,
        result: Mapping[str, Any],
        emits: Sequence[Event],
        within: Transaction,
    ) -> bool:
        done = await complete(self, delivery, holder, result, (), within)
        if done:
            await Events(self._connection).insert(emits)
        return done

    put(Completions, "complete", completed)


def one_transaction() -> None:
    """A handler's writes stand at once, whatever becomes of its completion."""
    put(Context, "session", property(lambda _: None))
