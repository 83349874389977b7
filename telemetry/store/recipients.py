"""Who is reached by a pinned fan-out: each member once, however many ways lead to it."""

from collections.abc import AsyncGenerator

from telemetry.core.pin import Pin
from telemetry.store.audiences import Audiences


async def recipients(audiences: Audiences, pin: Pin, after: str = "") -> AsyncGenerator[tuple[str, int]]:
    """Give (destination, fan-out) for each member behind `after`, sorted; of its fan-outs the first one counts.

    A destination for which something was planned by itself gets that alone.
    """
    taken = pin.taken
    streams = [
        audiences.members(versions, fan_out.kinds, after)
        for fan_out, versions in zip(pin.fan_outs, pin.versions, strict=True)
    ]
    heads = [await anext(stream, None) for stream in streams]
    while waiting := [head for head in heads if head is not None]:
        destination = min(waiting)
        reached = [place for place, head in enumerate(heads) if head == destination]
        if destination not in taken:
            yield destination, reached[0]
        for place in reached:
            heads[place] = await anext(streams[place], None)
