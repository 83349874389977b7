"""What an outcome means for the delivery that it is about: where it goes, and when it is tried again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from telemetry.core.backoff import Schedule
from telemetry.core.circuit import LONGEST_PAUSE
from telemetry.core.delivery import Delivery, Signal
from telemetry.core.outcome import Dead, Delivered, Outcome, Parked, Retry, Unknown


@dataclass(frozen=True, slots=True)
class Consequence:
    """A signal to a delivery, what its row keeps, and in how many seconds it is due again, if it is."""

    signal: Signal
    fields: Mapping[str, Any] = field(default_factory=dict)
    wait: float | None = None


def consequence(
    outcome: Outcome, delivery: Delivery, schedule: Schedule, *, pause: float, free_pauses: int, chance: Random
) -> Consequence:
    """Say what follows; `pause` is for how many seconds the destination is left alone from now on.

    So many pauses that a destination asked for cost a delivery none of its tries.
    """
    match outcome:
        case Delivered(result):
            return Consequence(Signal.DONE, {"result": dict(result)})
        case Parked(reason):
            return Consequence(Signal.PARK, {"reason": reason})
        case Dead(reason):
            return Consequence(Signal.GIVE_UP, {"reason": reason})
        case Retry(reason, costs=False) if delivery.pauses < free_pauses:
            return Consequence(Signal.RELEASE, {"reason": reason, "pauses": delivery.pauses + 1}, pause)
        case Retry(reason, after):
            return _again(reason, delivery, schedule, after or 0.0, chance)
        case Unknown(reason):
            return _again(reason, delivery, schedule, 0.0, chance)


def _again(reason: str, delivery: Delivery, schedule: Schedule, asked: float, chance: Random) -> Consequence:
    failures = delivery.failures + 1
    wait = schedule.delay(failures, chance)
    if wait is None:
        told = f"{reason}; given up after {failures} tries"
        return Consequence(Signal.GIVE_UP, {"reason": told, "failures": failures})
    return Consequence(Signal.RETRY, {"reason": reason, "failures": failures}, max(wait, min(asked, LONGEST_PAUSE)))
