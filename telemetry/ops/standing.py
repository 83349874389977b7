"""What stands visibly undone, and letting it be tried again."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace

from telemetry.core.channel import channel_of, told_by_bot, user_of
from telemetry.core.delivery import Delivery
from telemetry.core.errors import ConfigurationError
from telemetry.ops.paces import Pace, in_pages
from telemetry.runtime.config import expected_one_of, installed_consumers, nearest
from telemetry.store.census import Census
from telemetry.store.channels import Channels
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries, queues
from telemetry.store.keys import Keys
from telemetry.store.lanes import Lanes
from telemetry.store.registry import Registry
from telemetry.store.selection import Heap, Selection, count_selected, heaps_selected, stream_selected

# Destinations that are known to be tried; asked for once more, it does no harm.
MOST_TRIED = 1000


@dataclass(frozen=True, slots=True)
class Standing:
    """One delivery that nothing moves until a person does."""

    consumer: str
    delivery: Delivery


async def check_names(connection: Connection, selection: Selection) -> None:
    """Raise ConfigurationError where a selection names a consumer that neither is nor was, or a mistyped type."""
    if selection.consumer is not None:
        await _check_consumer(connection, selection.consumer)
    if selection.type is not None:
        await _check_type(connection, selection.type)


async def _check_consumer(connection: Connection, name: str) -> None:
    known = {*installed_consumers(), *await _names(connection, Selection())}
    if name not in known:
        known |= set(await Registry(connection).read())
    if name not in known:
        raise ConfigurationError(f"--consumer {name}: no such consumer; {expected_one_of(name, known)}")


async def _check_type(connection: Connection, name: str) -> None:
    known = await Keys(connection).read()
    # One of which nothing came yet may stand in no list, and one without a policy never does.
    if name not in known and (guess := nearest(name, known)) and not await Census(connection).has_type(name):
        raise ConfigurationError(f"--type {name}: no event of that type was taken{guess}")


async def by_present_key(connection: Connection, selection: Selection) -> Selection:
    """Give a selection that names an event by an earlier key, as `explain` takes it, by the one that it has now."""
    named = selection.event or selection.delivery
    wanted, bar, rest = (named or "").partition("|")
    key = await Census(connection).alias(wanted) if wanted else None
    if key is None:
        return selection
    return replace(selection, delivery=f"{key}|{rest}") if bar else replace(selection, event=key)


async def stream_standing(connection: Connection, selection: Selection, limit: int) -> AsyncGenerator[Standing]:
    """Read what a selection means of all queues, one after the other, at most `limit`."""
    left = limit
    for name in await _names(connection, selection):
        async for row in stream_selected(connection, name, selection):
            if left <= 0:
                return
            left -= 1
            yield Standing(name, row)


async def heaps(connection: Connection, selection: Selection, limit: int) -> list[tuple[str, Heap]]:
    """Count what a selection means by consumer, destination and reason: at most so many, the most first."""
    found = [
        (name, heap)
        for name in await _names(connection, selection)
        for heap in await heaps_selected(connection, name, selection, limit)
    ]
    return sorted(found, key=lambda one: -one[1].number)[:limit]


async def count_meant(connection: Connection, selection: Selection) -> dict[str, int]:
    """Count what a selection means, by consumer; consumers without any are left out."""
    names = await _names(connection, selection)
    counts = {name: await count_selected(connection, name, selection) for name in names}
    return {name: count for name, count in counts.items() if count}


async def retry(
    connection: Connection,
    selection: Selection,
    consumers: Sequence[str],
    pace: Pace | None = None,
    seen: Callable[[int], None] = lambda _: None,
) -> int:
    """Let what a selection means be tried again as the same messages; answer how many deliveries that is.

    What comes to stand again meanwhile is left for the next time. Killed between two pages, the same call goes on:
    what was let go is not meant any more.
    """
    total, pace = 0, pace or Pace()
    began = await connection.moment()
    for name in consumers:
        tried: set[str] = set()
        async for page in in_pages(stream_selected(connection, name, selection, pace.ahead), pace):
            for destination in dict.fromkeys(row.destination for row in page):
                if destination not in tried and await _let_try(connection, name, destination):
                    tried = {*tried, destination} if len(tried) < MOST_TRIED else {destination}
            total += await Deliveries(connection, name).redrive_those([row.id for row in page], began)
            seen(total)
    return total


async def _let_try(connection: Connection, consumer: str, destination: str) -> bool:
    """Let a destination that is blocked or left alone be tried at once; answer whether it is one of few."""
    # Whoever retries says that it can be tried now. Of users none is ever blocked, and there may be many.
    if not told_by_bot(destination):
        await Lanes(connection, consumer).note(destination, None)
    elif user_of(channel := channel_of(destination)) is None:
        await Channels(connection).probe_now(channel)
    else:
        return False
    return True


async def _names(connection: Connection, selection: Selection) -> list[str]:
    return [queue.consumer for queue in await queues(connection) if selection.concerns(queue.consumer)]
