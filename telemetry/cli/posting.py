"""Posting batches to /ingest until each is answered; a repeat is safe, so no answer means: send again."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import Any

import aiohttp
import anyio

from telemetry.cli.reading import Line
from telemetry.core.backoff import Backoff
from telemetry.core.errors import ConfigurationError, TellonceError

BACKOFF = Backoff(first=0.5, cap=15.0)
TIMEOUT = aiohttp.ClientTimeout(total=60, connect=10)
SHOWN = 10
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
ANSWERED = frozenset({200, 202, 422})
WRONG = ("rejected", "conflict", "superseded", "too_late")


@dataclass
class Tally:
    """What became of the events so far; the first wrong ones by name."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what else ingest said of the first ones

    def note(self, line: Line, status: str, detail: str = "", aside: str = "") -> None:
        """Count one event."""
        self.counts[status] += 1
        if aside and len(self.notes) < SHOWN:
            self.notes.append(f"event {line.number}: {aside}")
        if status in WRONG and len(self.wrong) < SHOWN:
            self.wrong.append(f"event {line.number}: {status}{f': {detail}' if detail else ''}")

    @property
    def clean(self) -> bool:
        """Whether every event was accepted or known, as it was sent."""
        return not any(self.counts[status] for status in WRONG)


class GaveUpError(TellonceError):
    """Ingest did not answer for as long as it was waited for."""


class Poster:
    """Sends batches to one address."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        tally: Tally,
        *,
        patience: float,
        chance: Random,
        waiting: Callable[[str, float], None] = lambda _why, _seconds: None,
    ) -> None:
        self._session = session
        self._url = url
        self._tally = tally
        self._patience = patience
        self._chance = chance
        self._waiting = waiting

    async def post(self, batch: Sequence[Line]) -> None:
        """Send a batch until it is answered; count what became of each event."""
        for line in batch:
            if line.wrong:
                self._tally.note(line, "rejected", line.wrong)
        good = [line for line in batch if not line.wrong]
        if good:
            await self._post(good)

    async def _post(self, batch: Sequence[Line]) -> None:
        status, answer = await self._until_answered("\n".join(line.text for line in batch).encode())
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            await self._apart(batch, _said(answer))
        elif status == HTTPStatus.UNAUTHORIZED:
            raise ConfigurationError(f"{self._url} did not accept the key: give --key, or TELLONCE_INGEST_KEY")
        elif status in ANSWERED and isinstance(answer, dict) and len(answer.get("results", [])) == len(batch):
            for line, result in zip(batch, answer["results"], strict=True):
                self._tally.note(line, result["status"], _said(result), result.get("note", ""))
        else:
            raise ConfigurationError(f"{self._url} answered {status}: {_said(answer)}; is it the address of ingest?")

    async def _apart(self, batch: Sequence[Line], why: str) -> None:
        if len(batch) == 1:
            self._tally.note(batch[0], "rejected", why)
            return
        half = len(batch) // 2
        await self._post(batch[:half])
        await self._post(batch[half:])

    async def _until_answered(self, body: bytes) -> tuple[int, Any]:
        failures, began = 0, anyio.current_time()
        while True:
            why, after = "", 0.0
            try:
                async with self._session.post(self._url, data=body) as response:
                    answer = await _read(response)
                    if response.status not in AGAIN:
                        return response.status, answer
                    why = f"it answered {response.status}: {_said(answer)}"
                    after = _seconds(response.headers.get("Retry-After"))
            except (TimeoutError, aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
                why = str(error) or "no answer"
            except (aiohttp.InvalidURL, aiohttp.ClientError) as error:
                raise ConfigurationError(f"--url {self._url}: {error!r}") from error
            failures += 1
            pause = max(BACKOFF.delay(failures, self._chance), after)
            if anyio.current_time() + pause > began + self._patience:
                raise GaveUpError(f"{self._url}: {why}; what was not confirmed can be sent again, that is safe")
            self._waiting(why, pause)
            await anyio.sleep(pause)


async def _read(response: aiohttp.ClientResponse) -> Any:
    try:
        return await response.json(content_type=None)
    except ValueError:
        return (await response.text(errors="replace"))[:200]


def _said(answer: Any) -> str:
    if not isinstance(answer, dict):
        return str(answer or "")[:200]
    told = answer.get("error") or answer.get("detail") or ""
    return str(told.get("message", told) if isinstance(told, dict) else told)[:300]


def _seconds(header: str | None) -> float:
    try:
        return min(max(float(header or 0), 0.0), 300.0)
    except ValueError:
        return 0.0
