"""What was tried and did not simply succeed: an append-only log beside the queue rows."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from telemetry.store.client import Connection
from telemetry.store.commands import chunks, patiently, read

INSERT_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one delivery that ended in retry, dead, parked or unknown."""

    delivery: str
    at: datetime
    outcome: str
    reason: str
    holder: str


class Attempts:
    """The `attempts` collection."""

    def __init__(self, connection: Connection, token: Callable[[], str] = lambda: secrets.token_hex(6)) -> None:
        self._rows = connection["attempts"]
        self._token = token

    async def append(self, attempts: Sequence[Attempt]) -> None:
        """Write attempts down; the delivery's id leads the row's, so that its attempts lie side by side."""
        for some in chunks(attempts, INSERT_AT_ONCE):
            rows = [
                {
                    "_id": f"{attempt.delivery}|{attempt.at.isoformat()}|{self._token()}",
                    "at": attempt.at,
                    "outcome": attempt.outcome,
                    "reason": attempt.reason,
                    "holder": attempt.holder,
                }
                for attempt in some
            ]
            await patiently(self._rows.insert_many, rows, ordered=False)

    async def of_event(self, key: str) -> list[Attempt]:
        """Read the attempts of all deliveries of an event, oldest first."""
        rows = await read(self._rows, {"_id": {"$gte": f"{key}|", "$lt": f"{key}}}"}})
        found = [
            Attempt(row["_id"].rsplit("|", 2)[0], row["at"], row["outcome"], row["reason"], row["holder"])
            for row in rows
        ]
        return sorted(found, key=lambda attempt: attempt.at)
