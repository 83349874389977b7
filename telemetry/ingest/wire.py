"""From bytes to submitted events, or a refusal that says what was wrong and what is expected. Pure."""

import json
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from telemetry.ingest.refusal import Refusal

JSON_TYPES = ("application/json", "text/json")
NDJSON_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
ENCODINGS = {"": None, "identity": None, "gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16}

# A body of 20 MiB may be 7,000,000 empty arrays, half a gigabyte in memory, from whoever may not even submit.
MOST_MARKS = 2_000_000

Reader = Callable[[bytes], list[Any]]


class Repeating(dict[str, Any]):
    """A JSON object that gives one name twice: which of the two is meant, nobody can know."""

    def __init__(self, pairs: Sequence[tuple[str, Any]], name: str) -> None:
        super().__init__(pairs)
        self.name = name


class Inflater:
    """Undoes a body's encoding piece by piece, within a limit before and after."""

    def __init__(self, encoding: str, limit: int) -> None:
        encoding = encoding.strip().lower()
        if encoding not in ENCODINGS:
            accepted = {"Accept-Encoding": "gzip"}
            raise Refusal(415, f"Content-Encoding: expected gzip or none, not {encoding!r}", accepted)
        self._window = ENCODINGS[encoding]
        self._member: Any = None
        self._limit = limit
        self._read = 0
        self._inflated = bytearray()

    def feed(self, piece: bytes) -> None:
        """Take the next piece; raise Refusal where it is no gzip, or too much before or after inflating."""
        self._read += len(piece)
        if self._read > self._limit:
            raise too_large(self._limit)
        if self._window is None:
            self._inflated += piece
        else:
            self._inflate(piece, self._window)

    def body(self) -> bytes:
        """Give the whole body; raise Refusal where the compressed part of it is cut short."""
        if self._member is not None:
            raise Refusal(400, "body: the gzip data is cut short")
        return bytes(self._inflated)

    def _inflate(self, piece: bytes, window: int) -> None:
        # Gzip may come in several members: that is what tools that compress in parallel write.
        while piece:
            self._member = self._member or zlib.decompressobj(window)
            room = self._limit + 1 - len(self._inflated)
            try:
                self._inflated += self._member.decompress(piece, room)
            except zlib.error as error:
                raise Refusal(400, f"body: not gzip as Content-Encoding says ({error})") from None
            if len(self._inflated) > self._limit:
                raise too_large(self._limit)
            piece = self._member.unused_data
            if self._member.eof:
                self._member = None


def too_large(limit: int) -> Refusal:
    """Refuse a body that is too large."""
    return Refusal(413, f"body: at most {limit} bytes are taken, also after decompression; send fewer events at once")


def media_type(content_type: str) -> str:
    """Give the type that a header names, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def reader_of(content_type: str, most: int) -> Reader:
    """Choose how to read a body; raise Refusal where it is none of the types that are taken."""
    kind = media_type(content_type)
    if kind not in (*JSON_TYPES, *NDJSON_TYPES):
        expected = f"{JSON_TYPES[0]} or {NDJSON_TYPES[0]}"
        raise Refusal(415, f"Content-Type: expected {expected}, not {kind or 'nothing'}")

    def read(body: bytes) -> list[Any]:
        text = decode(body)
        return read_lines(text, most) if kind in NDJSON_TYPES else bounded(_listed(parse_json(text)), most)

    return read


def bounded(events: list[Any], most: int) -> list[Any]:
    """Give the events; raise Refusal where there are too many."""
    if len(events) > most:
        raise Refusal(413, f"body: at most {most} events are taken at once")
    return events


def _listed(value: Any) -> list[Any]:
    if isinstance(value, dict) and "events" in value and "event" not in value:
        if isinstance(value, Repeating):
            raise Refusal(422, f"{value.name!r}: given twice")
        if extra := set(value) - {"events"}:
            raise Refusal(422, f"{min(extra)!r}: unknown beside `events`")
        value = value["events"]
        if not isinstance(value, list):
            raise Refusal(422, "events: expected an array of events")
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        raise Refusal(422, 'body: expected an event, an array of events, or {"events": […]}')
    return value


def read_lines(text: str, most: int) -> list[Any]:
    """Read one JSON value a line; raise Refusal where a line is none, or there are too many lines or values."""
    _check_number(text)
    events: list[Any] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            events.append(parse_json(line, lambda error, n=number: f"line {n}, column {error.colno}"))  # type: ignore[misc]
            bounded(events, most)
    return events


def decode(body: bytes) -> str:
    """Read a body as text; raise Refusal where it is not UTF-8."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(400, f"body: not UTF-8 at byte {error.start}") from None


def _place(error: json.JSONDecodeError) -> str:
    return f"line {error.lineno}, column {error.colno}"


def parse_json(text: str, place: Callable[[json.JSONDecodeError], str] = _place) -> Any:
    """Read a JSON value; raise Refusal saying where it is none, or where it would be too many."""
    _check_number(text)
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise Refusal(400, f"body: not JSON at {place(error)}: {error.msg}") from None
    except RecursionError:
        raise Refusal(422, "body: nested too deep") from None
    except ValueError:
        # An integer of thousands of digits, which Python declines to read.
        raise Refusal(422, "body: an integer beyond 64 bits") from None


def _check_number(text: str) -> None:
    if sum(map(text.count, ",:[{")) > MOST_MARKS:
        raise Refusal(413, f"body: at most {MOST_MARKS // 2} values are taken at once; send fewer events at once")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    times = Counter(name for name, _ in pairs)
    return Repeating(pairs, max(times, key=times.__getitem__))
