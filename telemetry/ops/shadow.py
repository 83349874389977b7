"""Trying the file's key policies on events that are past, without changing anything."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from telemetry.core.key import KeyPolicy
from telemetry.core.shadow import Seen, Shadow
from telemetry.ops.keys import claims_of, compare
from telemetry.store.census import Census
from telemetry.store.client import Connection
from telemetry.store.keys import Keys

# Stands in a key for the source, which a file of events does not tell.
ANY_SOURCE = "SOURCE"


@dataclass(frozen=True, slots=True)
class Sent:
    """One event as a producer sends it."""

    claims: Mapping[str, Any]
    at: datetime | None
    place: str


async def in_force(connection: Connection) -> dict[str, KeyPolicy]:
    """Read the policies in force, by type."""
    return {name: policy.key for name, policy in (await Keys(connection).read()).items()}


async def try_stored(
    connection: Connection, file: Mapping[str, KeyPolicy], since: datetime, seen: Callable[[int], None] = lambda _: None
) -> list[Shadow]:
    """Try the policies that are not in force on what was received since a moment, page by page."""
    shadows, read = [], 0
    for row in await compare(connection, file):
        if row.file is None or row.file == row.database:
            continue
        shadow = Shadow(row.type, row.database, row.file, stored=True)
        async for event in _stored(connection, shadow, since):
            shadow.take(event)
            seen(read := read + 1)
        await _recall(connection, shadow, since)
        if shadow.events or row.database is not None:
            shadows.append(shadow)
    return shadows


async def _recall(connection: Connection, shadow: Shadow, since: datetime) -> None:
    if shadow.wants:
        async for event in _stored(connection, shadow, since):
            if shadow.recall(event):
                return


async def _stored(connection: Connection, shadow: Shadow, since: datetime) -> AsyncIterator[Seen]:
    async for event in Census(connection).events_of(shadow.type, since):
        # What a schedule or a handler made has its key from there.
        if event.origin is None:
            differed = event.repeats.differs if event.repeats else ()
            yield shadow.see(event.key, claims_of(event), event.source, at=event.received_at, differed=differed)


def try_sent(
    history: Callable[[], Iterable[Sent]],
    file: Mapping[str, KeyPolicy],
    before: Mapping[str, KeyPolicy],
    *,
    by_body: bool = True,
) -> list[Shadow]:
    """Try the policies that differ from those before on what producers send; the history is read twice at most."""
    changed = {name: to for name, to in file.items() if before.get(name) != to}
    tried = {name: Shadow(name, before.get(name), to, by_body=by_body) for name, to in changed.items()}
    for event in history():
        if shadow := tried.get(event.claims["event"]):
            shadow.take(_sent(shadow, event))
    wanting = {name: shadow for name, shadow in tried.items() if shadow.wants}
    for event in history() if wanting else ():
        if (shadow := wanting.get(event.claims["event"])) and shadow.recall(_sent(shadow, event)):
            del wanting[shadow.type]
            if not wanting:
                break
    return [shadow for name, shadow in sorted(tried.items()) if shadow.events or name in before]


def _sent(shadow: Shadow, event: Sent) -> Seen:
    key = shadow.key(event.claims, ANY_SOURCE)
    return shadow.see(key, event.claims, ANY_SOURCE, at=event.at, place=event.place)
