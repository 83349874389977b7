"""Safeguards of what operators do to many deliveries."""

from datetime import datetime

from telemetry.store import replays
from telemetry.store.commands import Row
from tests.crash.sabotage.put import put


def once_an_operation() -> None:
    """A replay raises whatever is told, whenever it was told and whoever raised it."""

    def anyhow(delivery: str, _operation: str, _at: datetime) -> Row:
        return {"_id": delivery, "state": {"$in": [state.value for state in replays.STATES]}}

    put(replays, "_guard", anyhow)
    put(replays, "_ended", lambda _before: {})
