"""Schedules: what is decided is told once and in order, and nothing else is told."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from bot.simulator.settings import COMMUNITY
from tests.crash.judgement import Judgement, told, wrong
from tests.crash.stage import Stage

NOTED = "schedules"
STAMP = "%Y%m%dT%H%M%SZ"


async def note(stage: Stage) -> None:
    """Note what is decided, after somebody added a schedule, and before and after somebody changes it."""
    async for row in stage.database["schedules"].find():
        known = stage.noted.setdefault(NOTED, {}).setdefault((row["_id"], row["incarnation"]), {"since": row["cursor"]})
        known |= row


async def occurrences(stage: Stage) -> Judgement:
    """Each occurrence that was decided is told once, in order; no other one is there."""
    shown = [title for title in stage.shown(COMMUNITY) if title.startswith("beat:")]
    found, decided = Judgement(), set[str]()
    await note(stage)
    for (name, incarnation), row in stage.noted[NOTED].items():
        prefix = f"beat:{name}#{incarnation}@"
        keys = [f"{prefix}{at.strftime(STAMP)}" for at in _decided(row)]
        for key in keys:
            found += told(key, shown.count(key))
        order = [key for key in shown if key.startswith(prefix)]
        found += wrong([f"out of order: {order}"] if order != sorted(order) else [])
        decided |= {*keys}
    stored = {row["_id"] async for row in stage.database["events"].find({"event": "beat"})}
    return found + wrong(f"{key} was never decided" for key in sorted({*shown, *stored} - decided))


async def unbroken(stage: Stage) -> Judgement:
    """Each occurrence that was stored is told once; between two of an incarnation only pauses left any out."""
    shown = Counter(title for title in stage.shown(COMMUNITY) if title.startswith("beat:"))
    times, found = defaultdict[str, list[datetime]](list), Judgement()
    async for event in stage.database["events"].find({"event": "beat"}).sort("time", 1):
        times[event["_id"].partition("@")[0]].append(event["time"])
        found += told(event["_id"], shown.pop(event["_id"], 0))
    found += wrong(f"{key} is not stored" for key in shown)
    async for row in stage.database["schedules"].find():
        left_out = row.get("left_out", [])
        for incarnation, moments in times.items():
            number = int(incarnation.partition("#")[2])
            spans = [(span["first"], span["last"]) for span in left_out if span["incarnation"] == number]
            found += wrong(
                f"{incarnation}@{at} is left out"
                for at in _gaps(moments)
                if not any(first <= at <= last for first, last in spans)
            )
    return found


def _gaps(moments: Sequence[datetime]) -> Iterator[datetime]:
    """List what is missing between moments that follow each other as closely as any two of them do."""
    pairs = list(pairwise(moments))
    step = min((later - earlier for earlier, later in pairs), default=timedelta())
    for earlier, later in pairs:
        at = earlier
        while (at := at + step) < later:
            yield at


async def all_told(stage: Stage) -> bool:
    """Say whether nothing that was decided is yet to be stored."""
    return not await stage.database["schedules"].count_documents({"due.0": {"$exists": True}})


async def fired(stage: Stage, name: str, incarnation: int = 1) -> int:
    """Count the occurrences of a schedule whose events have been taken over."""
    beginning = f"^beat:{name}#{incarnation}@"
    return await stage.database["events"].count_documents(
        {"_id": {"$regex": beginning}, "acks.discord": {"$exists": True}}
    )


def _decided(row: Mapping[str, Any]) -> Iterator[datetime]:
    """List the occurrences that a schedule that was never resumed has decided."""
    every, at = timedelta(seconds=row["timing"]["every"]), row["timing"]["anchor"]
    while (at := at + every) <= row["cursor"]:
        if at > row["since"]:
            yield at
