"""Which fact an event is: its key, made here and nowhere else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from telemetry.core.canonical import digest
from telemetry.core.errors import InvalidEventError, MissingPartError

PER_OCCURRENCE = "per occurrence"
MAX_KEY_BYTES = 512
SLOTS = 256

# ":" joins the parts of a key and "|" joins a key to a destination; "%" starts an escape.
_ESCAPES = str.maketrans({"%": "%25", ":": "%3A", "|": "%7C"})


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """How one event type tells its facts apart: by fields, or by the producer's `insert_id`."""

    fields: tuple[str, ...]

    @classmethod
    def parse(cls, spelling: str | Sequence[str]) -> "KeyPolicy":
        """Read a policy as `tellonce.toml` spells it; raise ValueError for anything else."""
        if spelling == PER_OCCURRENCE:
            return cls(())
        if isinstance(spelling, str) or not spelling:
            raise ValueError(f'expected a list of fields or "{PER_OCCURRENCE}", not {spelling!r}')
        for field in spelling:
            _check_field(field)
        return cls(tuple(spelling))

    @property
    def spelling(self) -> str | list[str]:
        """The policy as `tellonce.toml` and the database spell it."""
        return list(self.fields) or PER_OCCURRENCE

    def key(self, event: Mapping[str, Any], source: str) -> str:
        """Make the key of a submitted event; raise InvalidEventError naming the missing part."""
        if not self.fields:
            return occurrence_key(event, source)
        return join_key(str(event["event"]), [_part(event, field) for field in self.fields])


def occurrence_key(event: Mapping[str, Any], source: str) -> str:
    """Make the key of one occurrence: the producer's own id, within its source."""
    insert_id = event.get("insert_id")
    if not insert_id:
        raise MissingPartError(f"insert_id: required, as {event['event']!r} is counted per occurrence")
    return join_key(str(event["event"]), [source, insert_id])


def body_key(event: Mapping[str, Any], source: str) -> str:
    """Make a key from the whole body, for a type that has no policy and no `insert_id`."""
    return join_key(str(event["event"]), [source, f"body-{body_digest(event)}"])


def body_digest(event: Mapping[str, Any]) -> str:
    """Hash what the producer claims, as sent: event, distinct_id, properties, deliver_at; not `time`."""
    return digest({name: event.get(name) for name in ("event", "distinct_id", "properties", "deliver_at")})


def join_key(event_type: str, parts: Sequence[str]) -> str:
    """Join escaped parts so that no two tuples collide; raise InvalidEventError where it cannot be a key."""
    key = ":".join(escaped(part) for part in (event_type, *parts))
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise InvalidEventError("key: a part holds a lone surrogate, which is not text") from None
    if "\0" in key:
        raise InvalidEventError("key: a part holds a NUL character")
    if size > MAX_KEY_BYTES:
        raise InvalidEventError(f"key: {size} bytes long, at most {MAX_KEY_BYTES} are allowed")
    return key


def escaped(part: str) -> str:
    """Spell a part as it stands in a key."""
    return part.translate(_ESCAPES)


def slot(key: str) -> int:
    """Spread keys over 256 slots, for partitioning later."""
    return sha256(key.encode()).digest()[0]


def _check_field(field: str) -> None:
    head, _, rest = field.partition(".")
    if not (field == "distinct_id" or (head == "properties" and rest)):
        raise ValueError(f'expected "distinct_id" or "properties.<name>", not {field!r}')


def _part(event: Mapping[str, Any], field: str) -> str:
    value: Any = event.get("distinct_id")
    if field != "distinct_id":
        value = event.get("properties") or {}
        for name in field.split(".")[1:]:
            value = value.get(name) if isinstance(value, Mapping) else None
    if value is None or value == "":
        raise MissingPartError(f"{field}: required, as it is part of the key of {event['event']!r}")
    return _spell(value, field)


def _spell(value: Any, field: str) -> str:
    # 1 and "1" name one version to the people who send them; a float or a structure names nothing.
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise InvalidEventError(f"{field}: expected text or an integer, as it is part of the key")
