"""What a producer submits, checked: every refusal names the field, what is wrong and what is expected. Pure."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from telemetry.core.errors import InvalidEventError
from telemetry.runtime.config import nearest

# BSON ends at 100 levels; a query tool gives up earlier.
MAX_DEPTH = 64
MAX_INTEGER = 2**63
MAX_NAME = 256
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _as_text(value: Any) -> Any:
    # Many producers number their users: 42 and "42" are the same person.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_time(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError("expected an ISO 8601 time or seconds since 1970")  # noqa: TRY004 - pydantic takes this one
    return value


Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME, strict=True)]
Id = Annotated[str, BeforeValidator(_as_text), Field(min_length=1, max_length=MAX_NAME, strict=True)]


class Envelope(BaseModel):
    """One submitted event. A time without a zone is UTC."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event: Name
    distinct_id: Id
    properties: dict[str, Any] | None = None
    time: Annotated[datetime, BeforeValidator(_as_time)] | None = None
    insert_id: Id | None = None


def read_envelope(submitted: Any, max_bytes: int) -> Envelope:
    """Check one submitted event; raise InvalidEventError naming what is wrong."""
    if not isinstance(submitted, dict):
        raise InvalidEventError("expected an object with `event` and `distinct_id`")
    size = check_value(submitted, "", 0)
    if size > max_bytes:
        raise InvalidEventError(f"larger than the {max_bytes} bytes that one event may have")
    try:
        envelope = Envelope.model_validate(submitted)
    except ValidationError as error:
        raise InvalidEventError(_explained(error)) from None
    if envelope.time is not None and not EARLIEST <= _zoned(envelope.time) < LATEST:
        raise InvalidEventError(f"time: expected between {EARLIEST:%Y} and {LATEST:%Y}")
    return envelope


def happened(envelope: Envelope, received: datetime) -> datetime:
    """Say when it happened: as submitted, else when it was received."""
    return received if envelope.time is None else _zoned(envelope.time)


def _zoned(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _explained(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{field}: unknown field{nearest(field, Envelope.model_fields)}"
    if first["type"] == "missing":
        return f"{field}: required"
    return f"{field}: {first['msg'].removeprefix('Value error, ')}"


def check_value(value: Any, path: str, depth: int) -> int:
    """Check that a JSON value can be stored and returned intact; answer about how many bytes it has."""
    if isinstance(value, str):
        return 2 + _text_size(value, path)
    if isinstance(value, bool) or value is None:
        return 4
    if isinstance(value, int):
        if not -MAX_INTEGER <= value < MAX_INTEGER:
            raise InvalidEventError(f"{path or 'body'}: an integer beyond 64 bits")
        return 8
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidEventError(f"{path or 'body'}: a number beyond 64 bits")
        return 8
    if depth >= MAX_DEPTH:
        raise InvalidEventError(f"{path[:100]}…: nested deeper than {MAX_DEPTH} levels")
    return _check_inside(value, path, depth)


def _check_inside(value: Mapping[str, Any] | list[Any], path: str, depth: int) -> int:
    if isinstance(value, list):
        return 2 + sum(1 + check_value(item, f"{path}[{place}]", depth + 1) for place, item in enumerate(value))
    size = 2
    for name, item in value.items():
        below = f"{path}.{name}" if path else name
        if "\0" in name:
            raise InvalidEventError(f"{path or 'body'}: a name holds a NUL character")
        size += 4 + _text_size(name, path) + check_value(item, below, depth + 1)
    return size


def _text_size(text: str, path: str) -> int:
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise InvalidEventError(f"{path or 'body'}: a lone surrogate, which is not text") from None
