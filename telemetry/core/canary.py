"""Canaries: events that go the whole way of a type's facts, and are told at a test destination alone. Pure.

A canary is stored under a type of our own, which no route takes in. So whoever does not know of canaries, as a
watcher of a former version, tells it to nobody; only the dispatcher plans one, and it plans it here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from telemetry.core.consumer import Consumer, Subscribed
from telemetry.core.delivery import Delivery
from telemetry.core.event import Event
from telemetry.core.fan_out import FanOut
from telemetry.core.key import KeyPolicy
from telemetry.core.subscription import OWN

CANARY = f"{OWN}canary"
REMEMBERED = timedelta(days=1)
# What a template may take for a time, or for an address, must stay one.
SOME_DAY = "2000-01-01T00:00:00Z"
ADDRESS = "https://example.com/"


def as_canary(event: Event, to: str) -> Event:
    """Make the canary of an event as it was submitted: under a key of its own, for one destination."""
    origin = {"canary": event.type, "to": to}
    return replace(event, key=f"{CANARY}:{event.key}", type=CANARY, origin=origin)


def type_of(canary: Event) -> str:
    """Give the type whose way a canary goes."""
    return str((canary.origin or {}).get("canary", ""))


def plan_canary(consumer: Consumer, canary: Event) -> list[Delivery]:
    """Plan a canary: the first message that a fact of its type comes to, at the test destination and nowhere else.

    Nothing, for a consumer that does not carry to there, or where facts of the type are told there anyway.
    """
    to = str((canary.origin or {}).get("to", ""))
    if to.partition(":")[0] != consumer.name:
        return []
    plan = consumer.plan(replace(canary, type=type_of(canary)))
    return [] if to in told_at(plan) or facts_at(consumer, to) else list(_first(canary, to, plan))


def told_at(plan: Sequence[Delivery | FanOut]) -> set[str]:
    """Say where a plan tells, but for the members of audiences."""
    return {item.destination for item in plan if isinstance(item, Delivery)}


def facts_at(consumer: Consumer, destination: str) -> list[str]:
    """List the types, but for that of canaries, that a consumer's configuration wants told at a destination."""
    found = consumer.types_at(destination) if isinstance(consumer, Subscribed) else ()
    return [name for name in found if name != CANARY]


def _first(canary: Event, to: str, plan: Sequence[Delivery | FanOut]) -> Iterator[Delivery]:
    for item in plan[:1]:
        if isinstance(item, FanOut):
            yield Delivery.of(canary, to, item.bodies[0], **item.fields)
        else:
            made = Delivery.of(canary, to, item.body)
            yield replace(made, state=item.state, reason=item.reason, rung=item.rung, group=item.group)


def specimen(event_type: str, name: str, policy: KeyPolicy, like: Mapping[str, Any]) -> dict[str, Any]:
    """Make a submission that looks like a fact of a type, says nothing of it, and has a key with a name in it."""
    made = {"event": event_type, "distinct_id": name, "properties": masked(like)}
    if not policy.fields:
        return made | {"insert_id": name}
    for field in policy.fields:
        if field != "distinct_id":
            _put(made["properties"], field.split(".")[1:], name)
    return made


def masked(value: Any) -> Any:
    """Give a value of the same shape that says nothing of anybody."""
    match value:
        case str():
            return _masked_text(value)
        case bool() | None:
            return value
        case int():
            return int("1" * len(str(abs(value))))
        case float():
            return 1.0
        case Mapping():
            return {name: masked(item) for name, item in value.items()}
        case _:
            return [masked(item) for item in value]


def _masked_text(text: str) -> str:
    if text.startswith(("https://", "http://")):
        return ADDRESS + "x" * (len(text) - len(ADDRESS))
    if _is_time(text):
        return SOME_DAY[: 10 if len(text) == 10 else None]  # noqa: PLR2004 - a date's length
    return "".join("1" if sign.isdigit() else "x" if sign.isalpha() else sign for sign in text)


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return "-" in text


def _put(properties: dict[str, Any], path: Sequence[str], value: str) -> None:
    for name in path[:-1]:
        inner = properties.get(name)
        properties[name] = inner if isinstance(inner, dict) else {}
        properties = properties[name]
    properties[path[-1]] = value
