"""Schedules: what is decided is told once and in order, and nothing else is told."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.simulator.settings import COMMUNITY
from tests.crash.judgement import Judgement, told, wrong
from tests.crash.stage import Stage

NOTED = "schedules"
STAMP = "%Y%m%dT%H%M%SZ"


async def note(stage: Stage) -> None:
    """Note what is decided, before somebody changes a schedule."""
    async for row in stage.database["schedules"].find():
        stage.noted.setdefault(NOTED, {})[row["_id"], row["incarnation"]] = row


async def occurrences(stage: Stage) -> Judgement:
    """Each occurrence that was decided is told once, in order; no other one is there."""
    shown = [title for title in stage.shown(COMMUNITY) if title.startswith("beat:")]
    found, decided = Judgement(), set[str]()
    for (name, incarnation), row in (stage.noted.get(NOTED, {}) | await _standing(stage)).items():
        prefix = f"beat:{name}#{incarnation}@"
        keys = [f"{prefix}{at.strftime(STAMP)}" for at in _decided(row)]
        for key in keys:
            found += told(key, shown.count(key))
        order = [key for key in shown if key.startswith(prefix)]
        found += wrong([f"out of order: {order}"] if order != sorted(order) else [])
        decided |= {*keys}
    stored = {row["_id"] async for row in stage.database["events"].find({"event": "beat"})}
    return found + wrong(f"{key} was never decided" for key in sorted({*shown, *stored} - decided))


async def all_told(stage: Stage) -> bool:
    """Say whether nothing that was decided is yet to be stored."""
    return not await stage.database["schedules"].count_documents({"due.0": {"$exists": True}})


async def fired(stage: Stage, name: str, incarnation: int = 1) -> int:
    """Count the occurrences of a schedule whose events have been taken over."""
    beginning = f"^beat:{name}#{incarnation}@"
    return await stage.database["events"].count_documents(
        {"_id": {"$regex": beginning}, "acks.discord": {"$exists": True}}
    )


async def _standing(stage: Stage) -> dict[tuple[str, int], Mapping[str, Any]]:
    return {(row["_id"], row["incarnation"]): row async for row in stage.database["schedules"].find()}


def _decided(row: Mapping[str, Any]) -> Iterator[datetime]:
    """List the occurrences up to where a schedule that was never resumed has decided."""
    every, at = timedelta(seconds=row["timing"]["every"]), row["timing"]["anchor"]
    while (at := at + every) <= row["cursor"]:
        yield at
