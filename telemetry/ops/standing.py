"""What stands visibly undone, and letting it be tried again."""

from collections.abc import Sequence
from dataclasses import dataclass

from telemetry.core.channel import channel_of, told_by_bot, user_of
from telemetry.core.delivery import Delivery, State
from telemetry.store.channels import Channels
from telemetry.store.client import Connection
from telemetry.store.deliveries import queues
from telemetry.store.lanes import Lanes
from telemetry.store.selection import Selection, count_selected, destinations_selected, redrive_selected


@dataclass(frozen=True, slots=True)
class Standing:
    """One delivery that nothing moves until a person does."""

    consumer: str
    delivery: Delivery


async def list_standing(
    connection: Connection, state: State, limit: int, destination: str | None = None
) -> list[Standing]:
    """List dead or parked deliveries of all queues, at most `limit`."""
    found: list[Standing] = []
    for queue in await queues(connection):
        rows = await queue.standing(state, limit - len(found), destination) if len(found) < limit else []
        found += [Standing(queue.consumer, row) for row in rows]
    return found


async def count_standing(connection: Connection, state: State) -> int:
    """Count the deliveries of all queues in a state."""
    return sum([(await queue.count([state]))[state] for queue in await queues(connection)])


async def count_meant(connection: Connection, selection: Selection) -> dict[str, int]:
    """Count what a selection means, by consumer; consumers without any are left out."""
    counts = {name: await count_selected(connection, name, selection) for name in await _names(connection)}
    return {name: count for name, count in counts.items() if count}


async def retry(connection: Connection, selection: Selection, consumers: Sequence[str]) -> int:
    """Let what a selection means be tried again as the same messages; answer how many deliveries that is."""
    total = 0
    for name in consumers:
        # One that is blocked or left alone would keep them waiting: whoever retries says that it can be tried now.
        for destination in await destinations_selected(connection, name, selection):
            if told_by_bot(destination):
                # Of users none is ever blocked, and there may be many.
                if user_of(channel := channel_of(destination)) is None:
                    await Channels(connection).probe_now(channel)
            else:
                await Lanes(connection, name).note(destination, None)
        total += await redrive_selected(connection, name, selection)
    return total


async def find_delivery(connection: Connection, name: str) -> Standing | None:
    """Find a delivery by its id, in whatever queue and state."""
    for queue in await queues(connection):
        for row in await queue.fetch([name]):
            return Standing(queue.consumer, row)
    return None


async def _names(connection: Connection) -> list[str]:
    return [queue.consumer for queue in await queues(connection)]
