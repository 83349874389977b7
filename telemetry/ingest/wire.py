"""From bytes to submitted events, or a refusal that says what was wrong and what is expected. Pure."""

import json
import zlib
from collections.abc import Callable
from typing import Any

from telemetry.ingest.refusal import Refusal

JSON_TYPES = ("application/json", "text/json")
NDJSON_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
GZIP = zlib.MAX_WBITS | 16


class Inflater:
    """Undoes a body's encoding piece by piece, within a limit."""

    def __init__(self, encoding: str, limit: int) -> None:
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise Refusal(
                415, f"Content-Encoding: expected gzip or none, not {encoding!r}", {"Accept-Encoding": "gzip"}
            )
        self._gzip = zlib.decompressobj(GZIP) if "gzip" in encoding else None
        self._limit = limit
        self._read = 0
        self._pieces: list[bytes] = []

    def feed(self, piece: bytes) -> None:
        """Take the next piece; raise Refusal where it is no gzip, or too much before or after inflating."""
        self._read += len(piece)
        if self._read > self._limit:
            raise too_large(self._limit)
        self._keep(self._inflate(piece) if self._gzip else piece)

    def body(self) -> bytes:
        """Give the whole body; raise Refusal where the compressed part of it is cut short."""
        if self._gzip and self._read and not self._gzip.eof:
            raise Refusal(400, "body: the gzip data is cut short")
        return b"".join(self._pieces)

    def _inflate(self, piece: bytes) -> bytes:
        assert self._gzip is not None  # noqa: S101 - the caller has asked
        room = self._limit + 1 - sum(map(len, self._pieces))
        try:
            inflated = self._gzip.decompress(piece, room)
        except zlib.error as error:
            raise Refusal(400, f"body: not gzip as Content-Encoding says ({error})") from None
        if self._gzip.unused_data:
            raise Refusal(400, "body: something follows the gzip data")
        return inflated

    def _keep(self, piece: bytes) -> None:
        self._pieces.append(piece)
        if sum(map(len, self._pieces)) > self._limit:
            raise too_large(self._limit)


def too_large(limit: int) -> Refusal:
    """Refuse a body that is too large."""
    return Refusal(413, f"body: at most {limit} bytes are taken, also after decompression; send fewer events at once")


def read_events(body: bytes, content_type: str, most: int) -> list[Any]:
    """Read the submitted events; raise Refusal where the body is none of the forms that are taken."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in NDJSON_TYPES:
        events = _read_lines(_decode(body))
    elif kind in JSON_TYPES:
        events = _listed(_parse(_decode(body)))
    else:
        expected = f"{JSON_TYPES[0]} or {NDJSON_TYPES[0]}"
        raise Refusal(415, f"Content-Type: expected {expected}, not {kind or 'nothing'}")
    if len(events) > most:
        raise Refusal(413, f"body: {len(events)} events, at most {most} are taken at once")
    return events


def _listed(value: Any) -> list[Any]:
    if isinstance(value, dict) and "events" in value and "event" not in value:
        if extra := set(value) - {"events"}:
            raise Refusal(422, f"{min(extra)}: unknown beside `events`")
        value = value["events"]
        if not isinstance(value, list):
            raise Refusal(422, "events: expected an array of events")
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        raise Refusal(422, 'body: expected an event, an array of events, or {"events": […]}')
    return value


def _read_lines(text: str) -> list[Any]:
    events = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            events.append(_parse(line, lambda error, n=number: f"line {n}, column {error.colno}"))  # type: ignore[misc]
    return events


def _decode(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Refusal(400, f"body: not UTF-8 at byte {error.start}") from None


def _place(error: json.JSONDecodeError) -> str:
    return f"line {error.lineno}, column {error.colno}"


def _parse(text: str, place: Callable[[json.JSONDecodeError], str] = _place) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise Refusal(400, f"body: not JSON at {place(error)}: {error.msg}") from None
    except RecursionError:
        raise Refusal(422, "body: nested too deep") from None
    except ValueError as error:
        # An integer of thousands of digits, which Python declines to read.
        raise Refusal(422, f"body: {error}") from None


def _no_number(name: str) -> Any:
    raise Refusal(422, f"body: {name} is not a JSON number")
