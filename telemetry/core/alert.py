"""What goes wrong, told as an event like any other: once, by the routes that name its type. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from telemetry.core.clock import micros, milliseconds
from telemetry.core.event import Event, new_event
from telemetry.core.key import join_key

ALERT = "tellonce.alert"


class Trouble(StrEnum):
    """What may be wrong."""

    DEAD = "dead"
    PARKED = "parked"
    BROKEN = "broken"  # the conservation law


MEANS: Mapping[Trouble, str] = {
    Trouble.DEAD: "refused for good",
    Trouble.PARKED: "parked until a person acts",
    Trouble.BROKEN: "lost or invented",
}
NEXT: Mapping[Trouble, str] = {
    Trouble.DEAD: "tellonce dead",
    Trouble.PARKED: "tellonce parked",
    Trouble.BROKEN: "tellonce verify",
}


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a trouble that grows waits to be told again, and how often the law is proven; None: never."""

    every: timedelta
    prove_every: timedelta | None


@dataclass(frozen=True, slots=True)
class Told:
    """What was told last of one trouble of one consumer."""

    number: int = 0  # how many alerts there were
    count: int = 0
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """How it stands with one trouble of one consumer: how many, and one of them."""

    trouble: Trouble
    consumer: str
    count: int
    sample: str = ""


def judge(finding: Finding, told: Told, now: datetime, every: timedelta) -> Told | None:
    """Say what is told once this finding is: one more alert, a lower count without any, or None for nothing new.

    What has become less may rise again, and is news then. What rises within `every` of the last alert waits.
    """
    if finding.count < told.count:
        return replace(told, count=finding.count)
    if finding.count == told.count or (told.at is not None and now - told.at < every):
        return None
    return Told(told.number + 1, finding.count, now)


def alert(finding: Finding, before: Told, number: int, now: datetime, deployment: str) -> Event:
    """Make the event of an alert: its number is in its key, which so is the same whoever makes it."""
    at, new = milliseconds(now), finding.count - before.count
    key = join_key(ALERT, [f"{finding.trouble}:{finding.consumer}#{number}"])
    receipt = sha256(key.encode()).hexdigest()[:32]
    return new_event(
        key=key,
        type=ALERT,
        distinct_id=deployment,
        properties={
            "trouble": finding.trouble.value,
            "consumer": finding.consumer,
            "count": finding.count,
            "new": new,
            "sample": finding.sample,
            "text": _spelt(finding, new),
            "next": NEXT[finding.trouble],
        },
        source="tellonce",
        receipt=receipt,
        order=micros(at),
        received=at,
        origin={"alert": finding.trouble.value},
    )


def _spelt(finding: Finding, new: int) -> str:
    things = "delivery is" if new == 1 else "deliveries are"
    of = f" of {finding.consumer}" if finding.consumer else ""
    total = f" ({finding.count:,} in all)" if finding.count > new else ""
    sample = f": {finding.sample}" if finding.sample else ""
    return f"{new:,} more {things} {MEANS[finding.trouble]}{of}{total}{sample}; `{NEXT[finding.trouble]}` tells more"
