"""One request to an endpoint: no redirect followed, no more read than is worth it, nothing waited for too long."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import aiohttp

from consumers.webhook.address import Fence, RefusedAddressError
from telemetry.core.answer import Answer, NoAnswer
from telemetry.runtime.outbound import Fresh, open_outbound

MOST_READ = 64 * 1024
HEADERS = {
    "User-Agent": "tellonce/0.1 (webhooks)",
    "Content-Type": "application/json",
    # What is packed could be a thousand times what was read.
    "Accept-Encoding": "identity",
}


class Sender:
    """Sends with a session that reaches public addresses over TLS, and one for allowed networks without it."""

    def __init__(self, secure: aiohttp.ClientSession, plain: aiohttp.ClientSession) -> None:
        self._secure = secure
        self._plain = plain

    async def send(self, url: str, text: str, headers: Mapping[str, str], fresh: Fresh) -> Answer | NoAnswer:
        """Try once; raise StaleError, with nothing sent, when `fresh` says no right before the first byte."""
        session = self._secure if url.lower().startswith("https:") else self._plain
        body = text.encode()
        try:
            async with session.post(
                url, data=body, headers=headers, allow_redirects=False, trace_request_ctx=fresh
            ) as response:
                return Answer(response.status, response.headers, await _beginning(response))
        except aiohttp.ClientConnectorCertificateError as error:
            return NoAnswer(f"its certificate is not valid: {error.certificate_error}"[:300], certain=True)
        except aiohttp.ClientConnectorError as error:
            return NoAnswer(_unconnected(error), certain=True)
        except aiohttp.ConnectionTimeoutError:
            return NoAnswer("no connection within the time limit", certain=True)
        except TimeoutError:
            return NoAnswer("no answer within the time limit", certain=False)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return NoAnswer(f"no readable answer: {error!r}"[:300], certain=False)


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    read = bytearray()
    # The status has said what came of it; a body that breaks off, or never ends, changes nothing.
    with suppress(aiohttp.ClientError, TimeoutError, OSError):
        while len(read) < MOST_READ and (piece := await response.content.read(MOST_READ - len(read))):
            read += piece
    if not response.content.at_eof():
        response.close()
    return bytes(read)


def _unconnected(error: aiohttp.ClientConnectorError) -> str:
    cause: BaseException | None = error.os_error
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not found"
    if isinstance(cause, RefusedAddressError):
        return f"it is at {cause.address}, which is not a public address: see TELLONCE_WEBHOOK_ALLOW"
    return f"no connection: {error.strerror or cause}"[:300]


@asynccontextmanager
async def open_sender(fence: Fence, seconds: float) -> AsyncIterator[Sender]:
    """Open a sender whose tries take at most so many seconds."""
    plainly = {"cookie_jar": aiohttp.DummyCookieJar(), "auto_decompress": False}
    async with (
        open_outbound(seconds, HEADERS, fence.guard(secure=True), **plainly) as secure,
        open_outbound(seconds, HEADERS, fence.guard(secure=False), **plainly) as plain,
    ):
        yield Sender(secure, plain)
