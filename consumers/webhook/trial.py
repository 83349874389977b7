"""`tellonce webhooks test`: one request now, in up to three tries, that leaves nothing behind."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex

import anyio

from consumers.webhook.address import Fence
from consumers.webhook.consumer import message
from consumers.webhook.endpoint import Endpoint
from consumers.webhook.sender import open_sender
from consumers.webhook.signing import signed
from consumers.webhook.verdict import judge
from telemetry.cli.printing import say
from telemetry.core.answer import Answer, NoAnswer
from telemetry.core.clock import Clock
from telemetry.core.outcome import Delivered
from telemetry.runtime.settings import Settings

PAUSES = (1.0, 2.0)
SHOWN = 1000


@dataclass(frozen=True, slots=True)
class Try:
    """One try, and all that came back."""

    number: int
    delivered: bool
    status: int | None
    reason: str
    seconds: float
    headers: Mapping[str, str]
    body: str  # how it begins


async def tried(endpoint: Endpoint, settings: Settings, clock: Clock) -> AsyncIterator[Try]:
    """Send one message, again after a pause where it was not taken, and tell of each try."""
    name, text = f"msg_test_{token_hex(8)}", message("tellonce.test", clock.now(), {"endpoint": endpoint.name})
    async with open_sender(Fence(settings.webhook_allow), settings.carry_timeout) as sender:
        for number, pause in enumerate((*PAUSES, None), 1):
            now, began = clock.now(), clock.monotonic()
            headers = signed(name, now, text, endpoint.secrets_at(now))
            got = await sender.send(endpoint.table.url, text, headers, lambda: True)
            made = _try(number, got, clock.monotonic() - began, now)
            yield made
            if made.delivered or pause is None:
                return
            await anyio.sleep(pause)


def show_try(one: Try) -> None:
    """Print a try for a person."""
    what = f"{one.status} in {one.seconds * 1000:.0f} ms" if one.status else one.reason
    say(f"try {one.number}: {what}", style="green" if one.delivered else "red")
    for name, value in one.headers.items():
        say(f"  {name}: {value}")
    if one.body:
        say(f"  {one.body}")


def _try(number: int, got: Answer | NoAnswer, seconds: float, now: datetime) -> Try:
    outcome = judge(got, now)
    delivered = isinstance(outcome, Delivered)
    reason = "" if isinstance(outcome, Delivered) else outcome.reason
    if isinstance(got, NoAnswer):
        return Try(number, delivered, None, reason, round(seconds, 3), {}, "")
    body = got.body[:SHOWN].decode("utf-8", "replace")
    return Try(number, delivered, got.status, reason, round(seconds, 3), dict(got.headers), body)
