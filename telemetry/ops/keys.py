"""The key policies: what the file says beside what is in force, and switching from one to the other."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio

from telemetry.core.errors import InvalidEventError
from telemetry.core.event import Event
from telemetry.core.key import KeyPolicy
from telemetry.store.census import Census
from telemetry.store.client import Connection
from telemetry.store.events import Events
from telemetry.store.keys import Keys, Policy

PAGE = 500
# Within this time every running ingest has learnt that a type is being switched, and takes none of its events.
LEARNT_WITHIN = 10.0


@dataclass(frozen=True, slots=True)
class Compared:
    """One type: its policy in the file, in force, and on its way; what they come to is the verdict."""

    type: str
    file: KeyPolicy | None
    database: KeyPolicy | None
    switching: KeyPolicy | None

    @property
    def verdict(self) -> str:
        """Say in a word how file and database stand."""
        if self.switching is not None:
            return "switching"
        if self.database is None:
            return "unused"  # registered with its first event
        if self.file is None:
            return "not in the file"
        return "same" if self.file == self.database else "differs"

    @property
    def needs_switch(self) -> bool:
        """Whether an ingest with this file refuses to start until `tellonce keys apply`."""
        return self.file is not None and self.verdict in ("differs", "switching")


@dataclass(frozen=True, slots=True)
class Switched:
    """What a switch came to: events that block a new key too, and events from which none can be made."""

    type: str
    events: int
    aliased: int
    keyless: int


async def compare(connection: Connection, file: Mapping[str, KeyPolicy]) -> list[Compared]:
    """Compare the file's policies with those in force."""
    known = await Keys(connection).read()
    return [_compared(name, file.get(name), known.get(name)) for name in sorted({*file, *known})]


async def switch(
    connection: Connection,
    event_type: str,
    to: KeyPolicy,
    *,
    settle: float = LEARNT_WITHIN,
    seen: Callable[[int], None] = lambda _: None,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> Switched:
    """Put a type's policy in force; every stored fact blocks its new key too. Safe to repeat after a crash."""
    keys = Keys(connection)
    await keys.begin_switch(event_type, to)
    await sleep(settle)
    switched = await _alias_all(connection, event_type, to, seen)
    await keys.finish_switch(event_type, to)
    # Once more: a write that hung on its way since before the switch may have come through meanwhile.
    await _alias_all(connection, event_type, to, lambda _: None)
    return switched


async def _alias_all(connection: Connection, event_type: str, to: KeyPolicy, seen: Callable[[int], None]) -> Switched:
    aliases: dict[str, str] = {}
    events = aliased = keyless = 0
    async for event in Census(connection).events_of(event_type):
        if event.origin is not None:
            # What a schedule or a handler made has its key from there, and blocks none of a producer's.
            continue
        events += 1
        key = new_key(event, to)
        keyless += key is None
        if key is not None and key != event.key:
            # The first of several facts that the new policy cannot tell apart answers for all.
            aliases.setdefault(key, event.key)
            aliased += 1
        if len(aliases) >= PAGE:
            await Events(connection).add_aliases(aliases)
            aliases = {}
        seen(events)
    await Events(connection).add_aliases(aliases)
    return Switched(event_type, events, aliased, keyless)


def new_key(event: Event, to: KeyPolicy) -> str | None:
    """Make a stored event's key under another policy; None where the event does not hold what it takes."""
    # The producer's own id is not stored beside the key: nothing can be keyed by it afterwards.
    try:
        return to.key(claims_of(event), event.source)
    except InvalidEventError:
        return None


def claims_of(event: Event) -> dict[str, Any]:
    """Give what a producer claimed in a stored event, as far as it is stored."""
    told = {name: getattr(event, name) for name in ("distinct_id", "properties", "deliver_at")}
    return {"event": event.type, **told}


def _compared(event_type: str, file: KeyPolicy | None, known: Policy | None) -> Compared:
    return Compared(event_type, file, known.key if known else None, known.switching if known else None)
