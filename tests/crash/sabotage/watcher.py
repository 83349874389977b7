"""Safeguards of the watcher: of what it offers, and of schedules and runs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import anyio

from telemetry.core.due import Due
from telemetry.core.event import Event
from telemetry.core.pin import Pin
from telemetry.core.run import Run
from telemetry.core.schedule import Firing, events_of
from telemetry.store import runs, schedules
from telemetry.store.audiences import Audiences
from telemetry.store.deferred import Deferred
from telemetry.store.events import Events
from telemetry.store.held import Held
from telemetry.store.runs import Runs
from telemetry.watcher.timetable import Page, Timetable
from telemetry.watcher.watcher import Watcher
from tests.crash.sabotage.put import Args, put, unguard


def sweep() -> None:
    """The change stream is all that the watcher goes by."""

    async def keep_sweeping(self: Watcher) -> None:
        self._caught_up.set()
        await anyio.sleep_forever()

    put(Watcher, "_keep_sweeping", keep_sweeping)


def consumer_aware_settling() -> None:
    """An event is settled when those have acked it that this process just served."""
    ack = Events.ack

    async def acked(self: Events, acks: Mapping[str, Mapping[str, int]], _registered: Args) -> None:
        served = {tuple(taken) for taken in acks.values()}
        for names in served:
            await ack(self, {key: taken for key, taken in acks.items() if tuple(taken) == names}, names)

    put(Events, "ack", acked)


def guarded_firing() -> None:
    """What is about to be told is told, whatever it was revised to or cancelled since it was read."""

    async def fire(self: Deferred, events: Sequence[Event]) -> set[str]:
        for event in events:
            await self._rows.update_one({"_id": event.key}, {"$set": {"fired": event.revision}})
        return {event.key for event in events}

    put(Deferred, "fire", fire)


def deciding_first() -> None:
    """An occurrence is stored before it is written down that it is told."""
    go_on = Timetable._go_on

    async def gone_on(self: Timetable, page: Page, decided: Due, now: datetime) -> None:
        known = page.schedule
        body = (known.entry.event, known.entry.distinct_id, known.entry.properties)
        firing = Firing(known.incarnation, *body, decided.occurrences, None)
        await self._events.insert(events_of(known.name, firing, now))
        await go_on(self, page, decided, now)

    put(Timetable, "_go_on", gone_on)


def guarded_deciding() -> None:
    """It is decided what a schedule tells, whatever it was changed to since it was read."""
    unguard(schedules, "cursor")


def pinned_run() -> None:
    """Whoever offers a run on asks anew who is meant."""
    pin = Runs.pin

    async def pinned(self: Runs, run: str) -> Pin | None:
        found = await pin(self, run)
        if found is None:
            return None
        audiences = Audiences(self._connection)
        return replace(found, versions=[await audiences.pin(one.audiences) for one in found.fan_outs])

    put(Runs, "pin", pinned)


def naming_first() -> None:
    """What a run lets out is let out before its row names it."""
    advance = Runs.advance

    async def advanced(self: Runs, before: Run, after: Run) -> bool:
        if names := [name for name in after.active if name not in before.active]:
            await Held(self._connection, after.consumer, after.id).admit(names)
        return await advance(self, before, after)

    put(Runs, "advance", advanced)


def guarded_run() -> None:
    """A run goes on as it was read, whoever paused or cancelled it since."""
    unguard(runs, "step")
