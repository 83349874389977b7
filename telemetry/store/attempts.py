"""What was tried: an append-only log beside the queue rows."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from telemetry.store.client import Connection
from telemetry.store.commands import Row, chunks, patiently, read
from telemetry.store.deliveries import BY_ID, of_events

INSERT_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one delivery; the bot's successes are on their rows alone."""

    delivery: str
    at: datetime
    outcome: str
    reason: str
    holder: str
    took_ms: int | None = None


class Attempts:
    """The `attempts` collection."""

    def __init__(self, connection: Connection, token: Callable[[], str] = lambda: secrets.token_hex(6)) -> None:
        self._rows = connection["attempts"]
        self._token = token

    async def append(self, attempts: Sequence[Attempt]) -> None:
        """Write attempts down; the delivery's id leads the row's, so that its attempts lie side by side."""
        for some in chunks(attempts, INSERT_AT_ONCE):
            rows = [self._row(attempt) for attempt in some]
            await patiently(self._rows.insert_many, rows, ordered=False)

    def _row(self, attempt: Attempt) -> Row:
        row: Row = {
            "_id": f"{attempt.delivery}|{attempt.at.isoformat()}|{self._token()}",
            "at": attempt.at,
            "outcome": attempt.outcome,
            "reason": attempt.reason,
            "holder": attempt.holder,
        }
        return row if attempt.took_ms is None else row | {"took_ms": attempt.took_ms}

    async def forget(self, keys: Sequence[str]) -> None:
        """Delete the attempts of events that are about to be forgotten."""
        await patiently(self._rows.delete_many, of_events(keys))

    async def of_event(self, key: str, limit: int = 0) -> list[Attempt]:
        """Read the attempts of all deliveries of an event, or the first so many by delivery; oldest first."""
        rows = await read(self._rows, of_events([key]), sort=BY_ID, limit=limit)
        found = [
            Attempt(
                row["_id"].rsplit("|", 2)[0],
                row["at"],
                row["outcome"],
                row["reason"],
                row["holder"],
                row.get("took_ms"),
            )
            for row in rows
        ]
        return sorted(found, key=lambda attempt: attempt.at)
