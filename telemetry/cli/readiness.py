"""Waiting until processes say that they are ready."""

from collections.abc import Mapping

import aiohttp
import anyio

LOOK_EVERY = 0.2
TIMEOUT = aiohttp.ClientTimeout(total=2)


async def wait_ready(urls: Mapping[str, str], seconds: float) -> dict[str, str]:
    """Wait until every address answers 200; after a while say what the others still wait for, by name."""
    waiting = dict.fromkeys(urls, "no answer")
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        with anyio.move_on_after(seconds):
            while waiting:
                answers = {name: await _look(session, urls[name]) for name in waiting}
                waiting = {name: why for name, why in answers.items() if why is not None}
                if waiting:
                    await anyio.sleep(LOOK_EVERY)
    return waiting


async def _look(session: aiohttp.ClientSession, url: str) -> str | None:
    try:
        async with session.get(url) as response:
            if response.ok:
                return None
            told = (await response.json(content_type=None)).get("waiting", {})
            return "; ".join(f"{what}: {why}" for what, why in told.items()) or f"it answers {response.status}"
    except (aiohttp.ClientError, TimeoutError, ValueError, AttributeError):
        return "no answer"
