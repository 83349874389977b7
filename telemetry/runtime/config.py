"""The file `tellonce.toml`: which fact an event is, what ingest takes, and a section for each consumer."""

import difflib
import json
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from telemetry.core.errors import ConfigurationError
from telemetry.core.key import PER_OCCURRENCE, KeyPolicy

DEFAULT_PATH = Path("tellonce.toml")
CONSUMERS_GROUP = "tellonce.consumers"
SCHEDULES = "schedules"
ALERTS = "alerts"
CANARY = "canary"
FOREVER = "forever"
SHORTEST_MEMORY = timedelta(days=1)
# A stored document ends at 16 MiB; an event takes part of one.
LARGEST_EVENT = 8 * 1024**2
LONGEST_QUOTE = 80
_SPAN = re.compile(r"([1-9][0-9]{0,5})([dh])")
_BARE = re.compile(r"[A-Za-z0-9_*-]+")

_Table = TypeVar("_Table", bound=BaseModel)


class Table(BaseModel):
    """A table of the file: frozen, strict about types, and naming the nearest entry for an unknown one."""

    model_config = ConfigDict(frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _knows_every_entry(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            raise PydanticCustomError("not_a_table", "expected a table")
        for name in raw:
            if name not in cls.model_fields:
                raise mistake(f"unknown entry; {expected_one_of(name, cls.model_fields)}", at=name)
        return dict(raw)


def _read_key(spelling: Any) -> KeyPolicy:
    if isinstance(spelling, KeyPolicy):
        return spelling
    listed = isinstance(spelling, list) and all(isinstance(part, str) and ".." not in f"{part}." for part in spelling)
    if not listed and not isinstance(spelling, str):
        raise ValueError(f'expected a list of fields or "{PER_OCCURRENCE}", not {quoted(spelling)}')
    try:
        return KeyPolicy.parse(spelling)
    except ValueError as error:
        known = (PER_OCCURRENCE,) if isinstance(spelling, str) else ("distinct_id", "properties.name")
        wrong = [spelling] if isinstance(spelling, str) else spelling
        raise ValueError(f"{error}{nearest(next((part for part in wrong if part not in known), ''), known)}") from error


def _read_span(spelling: Any) -> timedelta | None:
    if spelling is None or spelling == FOREVER:
        return None
    if isinstance(spelling, timedelta):
        return spelling
    match = _SPAN.fullmatch(spelling) if isinstance(spelling, str) else None
    if match is None:
        guess = nearest(spelling, [FOREVER]) if isinstance(spelling, str) else ""
        raise ValueError(f'expected "{FOREVER}", or days or hours as in "90d", not {quoted(spelling)}{guess}')
    span = timedelta(**{{"d": "days", "h": "hours"}[match[2]]: int(match[1])})
    if span < SHORTEST_MEMORY:
        raise ValueError(f"expected at least one day, not {quoted(spelling)}")
    return span


def spelt(span: timedelta) -> str:
    """Spell a span as the file does."""
    hours = int(span.total_seconds()) // 3600
    return f"{hours}h" if hours % 24 else f"{hours // 24}d"


class TypePolicy(Table):
    """How the facts of one event type are told apart, and for how long they and what they say are remembered."""

    key: Annotated[KeyPolicy, BeforeValidator(_read_key)]
    remember: Annotated[timedelta | None, BeforeValidator(_read_span)] = None
    payload: Annotated[timedelta | None, BeforeValidator(_read_span)] = None

    @model_validator(mode="after")
    def _payload_ends_first(self) -> Self:
        if self.remember is not None and self.payload is not None and self.payload > self.remember:
            raise mistake(
                f"expected at most remember ({spelt(self.remember)}), not {spelt(self.payload)}", at="payload"
            )
        return self


class IngestLimits(Table):
    """What ingest takes; `unknown_types` says what a type without a policy and without `insert_id` gets."""

    unknown_types: Literal["refuse", "body"] = "refuse"
    max_body_bytes: int = Field(1024**2, ge=1, le=64 * 1024**2)
    max_event_bytes: int = Field(64 * 1024, ge=1, le=LARGEST_EVENT)
    max_events: int = Field(1000, ge=1, le=100_000)

    @model_validator(mode="after")
    def _event_fits_in_body(self) -> Self:
        if self.max_event_bytes > self.max_body_bytes:
            limit = f"max_body_bytes ({self.max_body_bytes})"
            raise mistake(f"expected at most {limit}, not {self.max_event_bytes}", at="max_event_bytes")
        return self


BUILT_IN: Mapping[str, Mapping[str, Any]] = {
    "sign_up": {"key": ["distinct_id"]},
    "extension_published": {"key": ["properties.name", "properties.version"]},
    "release_published": {"key": ["properties.version"]},
    "badge_awarded": {"key": ["distinct_id", "properties.badge"]},
}


class Config(BaseModel):
    """What `tellonce.toml` says, validated but for the sections that whoever they are for validates."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    types: Mapping[str, TypePolicy]
    ingest: IngestLimits = IngestLimits()
    sections: Mapping[str, Mapping[str, Any]] = {}
    source: str = str(DEFAULT_PATH)  # the file, as messages name it

    def section(self, name: str) -> Mapping[str, Any]:
        """Give a consumer its section, as read; empty where the file has none."""
        return dict(self.sections.get(name, {}))


def load_config(path: Path | None = None, consumers: Collection[str] | None = None) -> Config:
    """Read the file at `path`, which must exist; without a path, the default file or else the built-in types."""
    where = path or DEFAULT_PATH
    if path is None and not where.exists():
        return parse_config("", str(where), consumers)
    try:
        text = where.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{where}: cannot be read: {error.strerror}; set TELLONCE_CONFIG") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{where}: expected UTF-8 text, not byte {error.start} of it") from error
    return parse_config(text, str(where), consumers)


def parse_config(text: str, source: str = str(DEFAULT_PATH), consumers: Collection[str] | None = None) -> Config:
    """Read a configuration from text; `consumers` are the sections that it may have besides our own."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{source}: not TOML: {error}") from error
    except RecursionError as error:
        raise ConfigurationError(f"{source}: not TOML: nested too deeply") from error
    known = installed_consumers() if consumers is None else consumers
    tables = _tables(raw, {"types", "ingest", SCHEDULES, ALERTS, CANARY, *known}, source)
    return Config(
        types=_types(tables.pop("types", {}), source),
        ingest=validated(IngestLimits, tables.pop("ingest", {}), source, "ingest"),
        sections=tables,
        source=source,
    )


def installed_consumers() -> frozenset[str]:
    """Name the consumers that installed packages offer."""
    return frozenset(point.name for point in entry_points(group=CONSUMERS_GROUP))


def _tables(raw: dict[str, Any], known: Collection[str], source: str) -> dict[str, Any]:
    for name, table in raw.items():
        if name not in known:
            raise ConfigurationError(f"{source}: {dotted(name)}: unknown entry; {expected_one_of(name, known)}")
        if not isinstance(table, dict):
            raise ConfigurationError(f"{source}: {dotted(name)}: expected a table, not {quoted(table)}")
    return raw


def _types(tables: Mapping[str, Any], source: str) -> dict[str, TypePolicy]:
    found: dict[str, TypePolicy] = {}
    for name in {**BUILT_IN, **tables}:
        table = tables.get(name, {})
        raw = {**BUILT_IN.get(name, {}), **table} if isinstance(table, dict) else table
        if not name:
            raise ConfigurationError(f'{source}: types."": expected the name of an event type')
        found[name] = validated(TypePolicy, raw, source, f"types.{dotted(name)}")
    return found


def validated(table: type[_Table], raw: Any, source: str, entry: str) -> _Table:
    """Validate a table of a file; raise ConfigurationError with one line that names the entry."""
    try:
        return table.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(filter(None, [entry, dotted(*first["loc"], *first.get("ctx", {}).get("at", ()))]))
        raise ConfigurationError(f"{source}: {place.replace('.#', '#')}: {explained(first)}") from None


def mistake(text: str, at: str = "") -> PydanticCustomError:
    """Make a validation error that names an entry below the one being validated."""
    return PydanticCustomError("mistake", "{text}", {"text": text, "at": (at,) if at else ()})


def explained(error: ErrorDetails, *, quote: bool = True) -> str:
    """Say in part of a line what was wrong and what is expected."""
    text = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        return "required, but missing"
    if error["type"] in ("too_short", "too_long"):
        limits = {"too_short": ("at least", "min_length"), "too_long": ("at most", "max_length")}
        bound, name = limits[error["type"]]
        return f"expected {bound} {error['ctx'][name]} of them, not {error['ctx']['actual_length']}"
    if not text.startswith("Input should be "):
        return text
    text = text.replace("Input should be ", "expected ", 1).partition(", unable to parse")[0]
    return f"{text}, not {quoted(error['input'])}" + _guess(error) if quote else text


def _guess(error: ErrorDetails) -> str:
    if error["type"] != "literal_error" or not isinstance(error["input"], str):
        return ""
    return nearest(error["input"], re.findall(r"'([^']*)'", error["ctx"]["expected"]))


def nearest(name: str, known: Iterable[str]) -> str:
    """Suggest the known name that a mistyped one was meant to be, if any is near."""
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {quoted(close[0])}?" if close else ""


def expected_one_of(name: str, known: Iterable[str]) -> str:
    """List the known names for an unknown one, and suggest the nearest."""
    names = sorted(known)
    return f"expected {', '.join(names) if names else 'nothing here'}{nearest(name, names)}"


def quoted(value: Any) -> str:
    """Spell a value in one short line."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"


def dotted(*parts: str | int) -> str:
    """Spell the way to an entry; the second of several tables of one name is `name#2`."""
    spelt = ".".join(f"#{part + 1}" if isinstance(part, int) else _bare(part) for part in parts)
    return spelt.replace(".#", "#")


def _bare(name: str) -> str:
    return name if _BARE.fullmatch(name) else quoted(name)
