"""What alerts have said."""

from collections.abc import Callable

from telemetry.core.alert import ALERT
from telemetry.store.census import Census
from telemetry.store.client import Connection
from telemetry.store.deliveries import queues
from telemetry.store.events import Events


async def scrub_alerts(connection: Connection, redact: Callable[[str], str]) -> None:
    """Remove what those alerts said that name somebody; one that is not told to all yet keeps it."""
    async for event in Census(connection).events_of(ALERT):
        # All else in it is ours, and says nothing of anybody.
        sample = str(event.properties.get("sample", ""))
        if redact(sample) != sample:
            kept = {key for queue in await queues(connection) for key in await queue.scrub([event.key])}
            if not kept:
                await Events(connection).scrub([event.key])
