"""How far back the database's own log of changes reaches: a change stream that is away for longer has lost some."""

from typing import Any

from telemetry.core.errors import TellonceError
from telemetry.store.client import Connection
from telemetry.store.commands import patiently

OLDEST, NEWEST = 1, -1


async def oplog_window(connection: Connection) -> float | None:
    """Give the seconds between the first and the last entry; None where nobody may or can read it."""
    entries = connection.client["local"]["oplog.rs"]
    try:
        ends = [
            await patiently(entries.find_one, {}, {"ts": 1}, sort=[("$natural", direction)])
            for direction in (OLDEST, NEWEST)
        ]
    except TellonceError:
        return None
    return _between(*ends)


def _between(first: Any, last: Any) -> float | None:
    try:
        return float(last["ts"].time - first["ts"].time)
    except (TypeError, KeyError, AttributeError):
        return None
