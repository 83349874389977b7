"""Streams that are each in order, read as one that is."""

import heapq
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


async def merged(streams: Sequence[AsyncIterator[T]], key: Callable[[T], str]) -> AsyncIterator[T]:
    """Merge streams that are each in the order of a key into one that is; of each it holds one item."""
    heads: list[tuple[str, int, T]] = []
    for place, stream in enumerate(streams):
        async for item in stream:
            heads.append((key(item), place, item))
            break
    heapq.heapify(heads)
    while heads:
        _, place, item = heads[0]
        yield item
        async for following in streams[place]:
            heapq.heapreplace(heads, (key(following), place, following))
            break
        else:
            heapq.heappop(heads)
