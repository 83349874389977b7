"""What a producer submits, checked: every refusal names the field, what is wrong and what is expected. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from telemetry.core.clock import milliseconds
from telemetry.core.errors import InvalidEventError
from telemetry.core.subscription import OWN
from telemetry.ingest.values import MAX_INTEGER, Flaw, TooLarge, check_value
from telemetry.runtime.config import nearest

MAX_NAME = 256
MAX_REVISION = 2**53 - 1
LONGEST_WAIT = timedelta(days=3653)
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class TooLargeError(InvalidEventError):
    """The event is over the limit for one."""


def _as_whole(value: Any) -> Any:
    # To JSON 42.0 and 42 are one number.
    whole = isinstance(value, float) and value.is_integer() and -MAX_INTEGER <= value < MAX_INTEGER
    return int(value) if whole else value


def _as_text(value: Any) -> Any:
    # Many producers number their users: 42 and "42" are the same person.
    value = _as_whole(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_time(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError("expected an ISO 8601 time or seconds since 1970")  # noqa: TRY004 - pydantic takes this one
    return value


# A name or a key that holds a NUL cannot be stored.
NO_NUL = r"^[^\u0000]*$"
NAME = {"type": "string", "minLength": 1, "maxLength": MAX_NAME}
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME, strict=True)]
Id = Annotated[
    str,
    BeforeValidator(_as_text),
    Field(min_length=1, max_length=MAX_NAME, strict=True),
    WithJsonSchema({"anyOf": [NAME, {"type": "integer", "minimum": -MAX_INTEGER, "maximum": MAX_INTEGER - 1}]}),
]
# Numbers beyond this, to either side, are milliseconds: as seconds they would be of the year 2603.
MILLISECONDS = 20_000_000_000


def _described(years: str, *numbers: Mapping[str, float]) -> WithJsonSchema:
    """Describe how a time may be given: years as a pattern, numbers by their bounds."""
    texts = [{"type": "string", "format": spelling, "pattern": years} for spelling in ("date-time", "date")]
    return WithJsonSchema({"anyOf": [*texts, *({"type": "number", **bounds} for bounds in numbers)]})


Time = Annotated[
    datetime,
    BeforeValidator(_as_time),
    _described(
        "^(19[7-9]|2[01][0-9])[0-9]-",
        {"minimum": EARLIEST.timestamp(), "exclusiveMaximum": LATEST.timestamp()},
        {"exclusiveMinimum": MILLISECONDS, "exclusiveMaximum": LATEST.timestamp() * 1000},
    ),
]
Moment = Annotated[
    datetime,
    BeforeValidator(_as_time),
    _described("^(?!0000)[0-9]{4}-", {"minimum": FIRST.timestamp() * 1000, "maximum": LAST.timestamp() * 1000}),
]


def _for_producers(schema: dict[str, Any]) -> None:
    # A fact has none: whatever a producer wrote there would be refused.
    del schema["properties"]["canary"]


class Envelope(BaseModel):
    """One submitted event."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_for_producers)

    event: Name = Field(
        description="The type of fact; its key policy says which fields make two submissions the same.",
        json_schema_extra={"pattern": f"^(?!{re.escape(OWN)}){NO_NUL[1:]}"},
    )
    distinct_id: Id = Field(description='Whom it is about; 42 and "42" are the same.')
    properties: dict[str, Any] | None = Field(None, description="Anything else: names with `$` and dots stay intact.")
    time: Time | None = Field(
        None,
        description="When it happened, 1970 to 2199: ISO 8601 (UTC where no zone is given) or seconds or milliseconds "
        "since 1970. Without it, when it was received.",
    )
    insert_id: Id | None = Field(
        None,
        json_schema_extra={"pattern": NO_NUL},
        description="The producer's own id of this occurrence, for types that are counted per occurrence.",
    )
    deliver_at: Moment | None = Field(
        None, description="Tell it then, and not before: within ten years, spelt as `time` is. A past one: at once."
    )
    revision: Annotated[int | None, BeforeValidator(_as_whole)] = Field(
        None,
        strict=True,
        ge=0,
        le=MAX_REVISION,
        description="Which spelling of this fact it is (0 where `deliver_at` is given without it). Until the fact is "
        "told, a higher revision takes the place of a lower one, and opens a cancelled one again.",
    )
    # The ticket of a canary, which `tellonce canary` alone has.
    canary: str | None = Field(None, max_length=MAX_NAME, strict=True)


def read_envelope(submitted: Any, max_bytes: int) -> Envelope:
    """Check one submitted event; raise InvalidEventError naming what is wrong."""
    if not isinstance(submitted, dict):
        raise InvalidEventError("expected an object with `event` and `distinct_id`")
    try:
        check_value(submitted, max_bytes)
        envelope = Envelope.model_validate(submitted)
    except TooLarge:
        raise TooLargeError(f"larger than the {max_bytes} bytes that one event may have") from None
    except Flaw as flaw:
        raise InvalidEventError(str(flaw)) from None
    except ValidationError as error:
        raise InvalidEventError(_explained(error)) from None
    if envelope.event.startswith(OWN):
        raise InvalidEventError(f"event: types that begin with {OWN!r} are made here, not taken")
    if envelope.time is not None and not EARLIEST <= zoned(envelope.time) < LATEST:
        raise InvalidEventError(f"time: expected between {EARLIEST:%Y} and {LATEST:%Y}")
    return envelope


def happened(envelope: Envelope, received: datetime) -> datetime:
    """Say when it happened: as submitted, else when it was received."""
    return received if envelope.time is None else zoned(envelope.time)


def promised(envelope: Envelope, received: datetime) -> datetime | None:
    """Say when it is to be told, where that was asked; raise InvalidEventError for what nobody can promise."""
    return None if envelope.deliver_at is None else promise(envelope.deliver_at, received)


def promise(deliver_at: datetime, received: datetime) -> datetime:
    """Give a moment as it is kept; raise InvalidEventError where it is too far off to be promised."""
    moment = milliseconds(zoned(deliver_at))
    if moment > received + LONGEST_WAIT:
        raise InvalidEventError(f"deliver_at: expected within ten years, not {moment.isoformat()}")
    return moment


def zoned(moment: datetime) -> datetime:
    """Give a moment in UTC, which it is in where it names no zone."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        # The year 1 or 9999, and a zone that leads out of it: no time that we take.
        return moment.replace(tzinfo=UTC)


def _explained(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{field}: unknown field{nearest(field, Envelope.model_fields)}"
    if first["type"] == "missing":
        return f"{field}: required{_meant(field, error)}"
    return f"{field}: {first['msg'].removeprefix('Value error, ')}"


def _meant(field: str, error: ValidationError) -> str:
    # Where a name is misspelt, one field is missing and another is unknown: both belong in one line.
    unknown = [str(other["loc"][0]) for other in error.errors() if other["type"] == "extra_forbidden"]
    return next((f"; {name!r} is unknown{guess}" for name in unknown if (guess := nearest(name, [field]))), "")
