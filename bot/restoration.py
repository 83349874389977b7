"""After a backup was put back: whatever waits may have been posted since it was taken.

Each of these deliveries is given what a try of unknown outcome leaves behind, so that the bot looks for it in its
channel's history before it posts it. Killed anywhere in this, it is done again from the start.
"""

from collections.abc import Sequence
from datetime import datetime

from consumers.discord.message import nonce
from telemetry.core.channel import channel_of
from telemetry.core.clock import EPOCH
from telemetry.core.delivery import Delivery
from telemetry.core.errors import TellonceError
from telemetry.store.channels import Batch, Channels, batch_from, batch_row
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries

PAGE = 500


async def doubt(connection: Connection, consumer: str, since: datetime) -> int:
    """Have every unfinished delivery looked for from a moment on; answer how many there are.

    Raises TellonceError while a bot is at work: it may post what has not been doubted yet.
    """
    queue, channels = Deliveries(connection, consumer), Channels(connection)
    if led := await channels.led():
        raise TellonceError(
            f"channel {led.id} is held by bot {led.holder} until {led.until:%H:%M:%S} UTC: stop every bot, then again"
        )
    now, doubted, page = connection.clock.now(), 0, list[Delivery]()
    async for delivery in queue.unfinished_rows():
        page.append(delivery)
        if len(page) == PAGE:
            doubted, page = doubted + await _doubt(queue, channels, page, since, now), []
    doubted += await _doubt(queue, channels, page, since, now)
    # Only now: what was recorded as on its way is known to its members by now, each on its own.
    await channels.forget_batches()
    return doubted


async def _doubt(
    queue: Deliveries, channels: Channels, page: Sequence[Delivery], since: datetime, now: datetime
) -> int:
    rows = await channels.of(sorted({channel_of(delivery.destination) for delivery in page}))
    on_their_way = {name: row.batch for row in rows if row.batch for name, _ in row.batch.members}
    for delivery in page:
        known = [batch_from(delivery.attempt)] if delivery.attempt else []
        known += [batch] if (batch := on_their_way.get(delivery.id)) else []
        await queue.mark([delivery.id], attempt=batch_row(_attempt(delivery, known, since, now)))
    return len(page)


def _attempt(delivery: Delivery, known: Sequence[Batch], since: datetime, now: datetime) -> Batch:
    """Spell a try of a delivery alone, some time from a moment until now; with whom it was posted, nobody knows."""
    members = ((delivery.id, delivery.generation),)
    return Batch(
        members=members,
        nonce=nonce(channel_of(delivery.destination), members),
        author=next((batch.author for batch in known), ""),
        origin_at=min([since, *(batch.origin_at for batch in known)]),
        # Under whatever nonce it was posted, it was another: Discord would not know the same again.
        first_at=EPOCH,
        last_at=now,
        tries=2,
        silent=0,
    )
