"""What the file says of schedules becomes what the database holds."""

from collections.abc import Mapping
from dataclasses import replace

from telemetry.core.schedule import FILE, Entry, Schedule
from telemetry.core.timing import alike
from telemetry.runtime.logs import get_logger
from telemetry.store.schedules import Schedules

log = get_logger(__name__)

TRIES = 5


async def adopt(schedules: Schedules, file: Mapping[str, Entry]) -> None:
    """Bring the file's schedules into the database, and remove those that it no longer has; safe to repeat."""
    for _ in range(TRIES):
        found = await schedules.all()
        for name in file.keys() & found.unreadable.keys():
            log.error("schedule.unreadable", schedule=name, why=found.unreadable[name])
        wanted = {name: entry for name, entry in file.items() if name not in found.unreadable}
        brought = [await _bring(schedules, name, entry, found.schedules.get(name)) for name, entry in wanted.items()]
        gone = [known for known in found.schedules.values() if _of_the_file(known) and known.name not in file]
        removed = [await _remove(schedules, known) for known in gone]
        if all(brought + removed):
            return
    log.warning("schedule.contended", why="others kept changing the file's schedules; the next start tries again")


async def _bring(schedules: Schedules, name: str, entry: Entry, known: Schedule | None) -> bool:
    if known is None or known.removed:
        done = await schedules.add(name, entry, FILE, known)
        fresh = await schedules.get(name)
        if fresh is not None and fresh.upcoming is None:
            log.warning("schedule.ended", schedule=name, why="its moment was past when it came")
        return _logged("schedule.added", name, done=done)
    if known.source == FILE and _same(known.entry, entry):
        return True
    if known.source != FILE:
        log.warning("schedule.taken_over", schedule=name, why="the file has one of that name: what it says holds")
    return _logged("schedule.edited", name, done=await schedules.edit(known, entry, FILE))


async def _remove(schedules: Schedules, known: Schedule) -> bool:
    return _logged("schedule.removed", known.name, done=await schedules.remove(known))


def _logged(what: str, name: str, *, done: bool) -> bool:
    if done:
        log.info(what, schedule=name, source=FILE)
    return done


def _of_the_file(known: Schedule) -> bool:
    return known.source == FILE and not known.removed


def _same(one: Entry, other: Entry) -> bool:
    return alike(one.timing, other.timing) and replace(one, timing=other.timing) == other
