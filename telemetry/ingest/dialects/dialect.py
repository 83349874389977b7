"""What a dialect is: where its clients post, how they say who they are, and what they expect to hear."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from telemetry.ingest.accept import Result
from telemetry.ingest.refusal import Refusal
from telemetry.ingest.wire import Repeating, media_type

MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a request before its body."""

    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Posted:
    """A request, its body without its encoding, and how many events are taken at once."""

    head: Head
    body: bytes
    most: int

    @property
    def kind(self) -> str:
        """The media type of the body."""
        return media_type(self.head.headers.get("content-type", ""))

    @property
    def path(self) -> str:
        """Where it was posted, without a slash at the end."""
        return self.head.path.rstrip("/")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a request says: the credentials in its body, and its records in their order.

    A record is an event as `/ingest` takes it, a Result where it cannot be one, or None where nothing of it is kept.
    """

    records: Sequence[Any]
    credentials: Sequence[str] = ()
    verbose: bool = True


Results = Sequence[Result | None]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as a client of the dialect expects it."""

    status: int
    body: str
    kind: str = "application/json"

    @classmethod
    def of(cls, status: int, content: Mapping[str, Any]) -> "Reply":
        """Make an answer in JSON."""
        return cls(status, json.dumps(content))


@dataclass(frozen=True, slots=True)
class Dialect:
    """One protocol: its paths and limits, and four pure functions that translate."""

    name: str
    paths: Sequence[str]
    max_body_bytes: int
    max_events: int
    # Where its clients put the credential, for whoever reads why it was refused.
    wants: str
    # The credential in the head of a request, where there is one.
    credential: Callable[[Head], str | None]
    read: Callable[[Posted], Reading]
    answer: Callable[[Posted, Reading, Results], Reply]
    refuse: Callable[[Refusal], Reply]


def event_of(**fields: Any) -> dict[str, Any]:
    """Make an event as `/ingest` takes it, of the fields that say something."""
    return {name: value for name, value in fields.items() if value is not None and value != ""}


def is_plain(value: Any) -> bool:
    """Say whether a value is an object that gives no name twice."""
    return isinstance(value, dict) and not isinstance(value, Repeating)


def rest_of(record: Any, *names: str) -> Any:
    """Give an object without some of its names; what is none, or names something twice, is refused as it is."""
    if not is_plain(record):
        return record
    return {name: value for name, value in record.items() if name not in names}


def each_of(records: Sequence[Any], translate: Callable[[dict[str, Any]], Any]) -> list[Any]:
    """Translate every record that is an object; the others are refused as they are."""
    # A null that was sent is no record of which nothing is kept.
    nothing = Result("rejected", None, "expected an object, not null")
    return [translate(one) if is_plain(one) else nothing if one is None else one for one in records]


def first_of(record: Any, *names: str) -> Any:
    """Give the first of some fields that says something."""
    fields = record if isinstance(record, dict) else {}
    return next((fields[name] for name in names if fields.get(name) not in (None, "")), None)


def object_of(value: Any) -> dict[str, Any]:
    """Give a body that is an object; raise Refusal for any other."""
    if isinstance(value, Repeating):
        raise Refusal(400, f"{value.name!r}: given twice")
    if not isinstance(value, dict):
        raise Refusal(400, "body: expected an object")
    return value


def list_of(value: Any, name: str) -> list[Any]:
    """Give what must be an array; raise Refusal for anything else."""
    if not isinstance(value, list):
        raise Refusal(400, f"{name}: expected an array")
    return value


def credentials_of(named: Iterable[Any]) -> list[str]:
    """Give the distinct credentials that records name; those that name none come with the others, if there are any."""
    return sorted({one for one in named if isinstance(one, str) and one}) or [""]


def rejected(results: Results) -> list[tuple[int, Result]]:
    """Give what was rejected, with its place in the request."""
    return [(at, result) for at, result in enumerate(results) if result is not None and result.status == "rejected"]


def told(results: Results) -> list[dict[str, Any]]:
    """Tell what was rejected, and why, for a dialect that has no form of its own for it."""
    return [{"index": at, "message": result.error} for at, result in rejected(results)]
