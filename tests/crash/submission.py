"""How a producer sends: again and again, until it is answered."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiohttp

from tests.crash.offspring import Daemon

IMPATIENCE = 3.0
PAUSE = 0.1
TAKEN = 202


async def submit(choose: Callable[[], Daemon | None], batch: Sequence[Any]) -> tuple[Mapping[str, Any], int]:
    """Send a batch to whichever ingest there is until it is taken; give the answer, and how often it was sent again."""
    again = 0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=IMPATIENCE)) as session:
        while True:
            daemon = choose()
            try:
                url = await asyncio.wait_for(daemon.url(), IMPATIENCE) if daemon else ""
                async with session.post(f"{url}/ingest", json=batch) as answer:
                    if answer.status == TAKEN:
                        return await answer.json(), again
            except (aiohttp.ClientError, TimeoutError):
                pass
            again += 1
            await asyncio.sleep(PAUSE)
