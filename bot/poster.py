"""One try of one post: every try is the courier's decision, none is the library's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from telemetry.core.answer import Answer, NoAnswer
from telemetry.runtime.outbound import Fresh, open_outbound

USER_AGENT = "DiscordBot (https://github.com/tellonce/tellonce, 0.1)"


class Poster:
    """Posts with the bot's token; open it as a context."""

    def __init__(self, session: aiohttp.ClientSession, api_base: str) -> None:
        self._session = session
        self._api_base = api_base.rstrip("/")

    async def post(self, channel: str, payload: dict[str, Any], fresh: Fresh) -> Answer | NoAnswer:
        """Try once; raise StaleError, with nothing sent, when `fresh` says no right before the first byte."""
        return await self._ask(f"/channels/{channel}/messages", payload, fresh)

    async def open_direct(self, user: str) -> Answer | NoAnswer:
        """Try once to open the channel of a user's direct messages: no message, so nothing that could come late."""
        return await self._ask("/users/@me/channels", {"recipient_id": user}, lambda: True)

    async def _ask(self, path: str, payload: dict[str, Any], fresh: Fresh) -> Answer | NoAnswer:
        try:
            url = self._api_base + path
            async with self._session.post(url, json=payload, trace_request_ctx=fresh) as response:
                return Answer(response.status, response.headers, await response.read())
        except aiohttp.ClientConnectorError as error:
            return NoAnswer(f"no connection to Discord: {error.strerror or error}", certain=True)
        except aiohttp.ConnectionTimeoutError:
            return NoAnswer("no connection to Discord within the time limit", certain=True)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return NoAnswer(f"the answer was lost: {error!r}"[:200], certain=False)


@asynccontextmanager
async def open_poster(token: str, api_base: str, seconds: float) -> AsyncIterator[Poster]:
    """Open a poster whose tries take at most so many seconds."""
    headers = {"Authorization": f"Bot {token}", "User-Agent": USER_AGENT}
    async with open_outbound(seconds, headers) as session:
        yield Poster(session, api_base)
