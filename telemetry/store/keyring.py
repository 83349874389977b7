"""Rows that have secrets: one comes with the first, and a fresh one comes before those that it has.

The same command, whose answer was lost, may be what stands in the way: then it has done what it says.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from telemetry.core.clock import Clock
from telemetry.store.commands import Collection, Row, patiently, read, upsert


async def add(rows: Collection, name: str, body: Row, first: Row, gone: str) -> bool:
    """Make a row with its first secret, or give one to a row without; no, where one of that name has a secret."""
    change = {"$set": body | {"secrets": [first]}, "$unset": {gone: ""}}
    if await upsert(rows, {"_id": name, "secrets": {"$exists": False}}, change):
        return True
    return bool(await read(rows, {"_id": name} | {f"secrets.{field}": value for field, value in first.items()}))


async def rotate(rows: Collection, name: str, fresh: Row, overlap: timedelta, clock: Clock) -> bool:
    """Put a fresh secret in use beside those there are; no, where a row has none."""
    while True:
        found = await read(rows, {"_id": name, "secrets": {"$exists": True}})
        if not found:
            return False
        former: list[Row] = found[0]["secrets"]
        if any(fresh.items() <= secret.items() for secret in former):
            return True
        change = {"$set": {"secrets": [fresh, *_ending(former, overlap, clock.now())]}}
        # Whoever rotates at the same time is not undone.
        if (await patiently(rows.update_one, {"_id": name, "secrets": former}, change)).matched_count:
            return True


def _ending(secrets: Sequence[Row], overlap: timedelta, now: datetime) -> list[Row]:
    ends = now + overlap
    kept = [secret | {"until": min(secret.get("until", ends), ends)} for secret in secrets]
    return [secret for secret in kept if secret["until"] > now]
