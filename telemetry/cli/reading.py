"""Events to send, read piece by piece: NDJSON by the line, so that a stream of any length fits in memory."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from telemetry.core.errors import ConfigurationError

# Half of what ingest takes unless it is told otherwise, so that a batch passes whatever the line ends cost.
BATCH_BYTES = 512 * 1024
BATCH_EVENTS = 500
MARK = "\ufeff"
# Kept as what they are, such bytes cannot be taken for others.
NOT_TEXT = "surrogateescape"
TOO_DEEP = "nested too deep"


@dataclass(frozen=True, slots=True)
class Line:
    """One event as it will be sent, and where it stands in the input."""

    number: int
    text: str
    bytes_read: int
    wrong: str = ""  # why it cannot be sent


def standard_input() -> TextIO:
    """Give standard input as UTF-8; bytes that are not text are told by line, not a crash half-way."""
    sys.stdin.reconfigure(encoding="utf-8", errors=NOT_TEXT)  # type: ignore[union-attr]
    return sys.stdin


@contextmanager
def opened_file(path: Path) -> Iterator[TextIO]:
    """Open a file in the same way; raise ConfigurationError where it cannot be read."""
    try:
        source = path.open(encoding="utf-8", errors=NOT_TEXT)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    with source:
        yield source


def read_lines(source: TextIO) -> Iterator[Line]:
    """Read NDJSON, a JSON array, one object, or {"events": […]}."""
    start, first = 1, source.readline().lstrip(MARK)
    while first and not first.strip():
        start, first = start + 1, source.readline()
    if first and (first.lstrip().startswith("[") or not _is_event(first)):
        yield from _whole(first, source)
        return
    read = 0
    for number, line in enumerate(_chain(first, source), start):
        read += len(line.encode("utf-8", "surrogatepass"))
        if line.strip():
            yield Line(number, line.strip(), read, _wrong(line))


def spelt(event: Any) -> str:
    """Spell an event in one line."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def batches(
    lines: Iterable[Line], most: int = BATCH_EVENTS, rests: Callable[[], bool] = lambda: False
) -> Iterator[Sequence[Line]]:
    """Gather lines into what one request may carry; where the next one is not there yet, they wait for none."""
    batch: list[Line] = []
    size = 0
    for line in lines:
        length = len(line.text.encode("utf-8", "surrogatepass")) + 1
        if batch and (len(batch) >= most or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += length
        if rests():
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _chain(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    for line in rest:  # noqa: UP028 - "yield from" would close the source with the generator
        yield line


def _is_event(line: str) -> bool:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        # A document over several lines begins with a piece that is not JSON; so does NDJSON with a slip in it.
        return line.rstrip().endswith("}")
    return isinstance(value, dict) and "events" not in value


def _whole(first: str, rest: TextIO) -> Iterator[Line]:
    text = first + rest.read()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        why = error if isinstance(error, ValueError) else TOO_DEEP
        raise ConfigurationError(f"the input is neither JSON nor one JSON object a line: {why}") from error
    events = value.get("events", [value]) if isinstance(value, dict) else value
    if not isinstance(events, list):
        raise ConfigurationError('the input holds no events: expected an object, an array or {"events": […]}')
    for number, event in enumerate(events, 1):
        line = spelt(event)
        yield Line(number, line, len(text) * number // len(events), _wrong(line))


def _wrong(line: str) -> str:
    try:
        line.encode()
        json.loads(line)
    except UnicodeEncodeError:
        return "not text in UTF-8"
    except ValueError as error:
        return f"not JSON: {error}"
    except RecursionError:
        return TOO_DEEP
    return ""
