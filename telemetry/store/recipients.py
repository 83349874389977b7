"""Who is reached by a pinned fan-out: each member once, however many ways lead to it."""

from collections.abc import AsyncGenerator, AsyncIterator

from telemetry.core.pin import Pin
from telemetry.store.audiences import Audiences
from telemetry.store.merge import merged


async def recipients(audiences: Audiences, pin: Pin, after: str = "") -> AsyncGenerator[tuple[str, int]]:
    """Give (destination, fan-out) for each member behind `after`, sorted; of its fan-outs the first one counts.

    A destination for which something was planned by itself gets that alone.
    """
    streams = [
        _placed(audiences.members(versions, fan_out.kinds, after), place)
        for place, (fan_out, versions) in enumerate(zip(pin.fan_outs, pin.versions, strict=True))
    ]
    last, taken = after, pin.taken
    async for destination, place in merged(streams, key=lambda one: one[0]):
        if destination > last and destination not in taken:
            yield destination, place
        last = destination


async def _placed(members: AsyncIterator[str], place: int) -> AsyncIterator[tuple[str, int]]:
    async for member in members:
        yield member, place
