"""What came again under a key, counted on its event's row."""

from collections.abc import Mapping
from typing import Any

from pymongo import UpdateOne

from telemetry.core.event import Repeats
from telemetry.store.client import Connection
from telemetry.store.commands import Row, patiently


class RepeatCounts:
    """The `repeats` of event rows."""

    def __init__(self, connection: Connection) -> None:
        self._rows = connection["events"]

    async def add(self, repeats: Mapping[str, Repeats], token: str) -> None:
        """Add counts to events that are there, by key, in one command; repeated with the same token it adds nothing.

        Unless another process has added to the same event in between: then that one's part may count twice.
        """
        updates = [
            UpdateOne({"_id": key, "repeats.by": {"$ne": token}}, _added(one, token)) for key, one in repeats.items()
        ]
        await patiently(self._rows.bulk_write, updates, ordered=False)


def _added(repeats: Repeats, token: str) -> Row:
    differs: dict[str, Any] = {"repeats.differs": list(repeats.differs)} if repeats.differs else {}
    return {
        "$inc": {f"repeats.counts.{status}": number for status, number in repeats.counts.items()},
        "$max": {"repeats.last_at": repeats.last_at},
        "$set": {"repeats.by": token, **differs},
    }
