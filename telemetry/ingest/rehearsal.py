"""What a producer sends, read as ingest would read it, where nothing is stored."""

from datetime import datetime
from typing import Any

from telemetry.core.errors import InvalidEventError
from telemetry.ingest.accept import fields_of
from telemetry.ingest.envelope import read_envelope, zoned
from telemetry.ingest.refusal import Refusal
from telemetry.ingest.wire import NDJSON_TYPES, reader_of


def claims_of(line: str, max_bytes: int) -> tuple[dict[str, Any], datetime | None]:
    """Read one event, and when it happened where it says so; raise InvalidEventError for what is never taken."""
    try:
        (submitted,) = reader_of(NDJSON_TYPES[0], 1)(line.encode("utf-8", "surrogatepass"))
    except Refusal as refusal:
        raise InvalidEventError(str(refusal)) from None
    envelope = read_envelope(submitted, max_bytes)
    return fields_of(envelope), envelope.time and zoned(envelope.time)
