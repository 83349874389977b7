"""`tellonce check --against-history`: what the file's key policies would have made of events that are past."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio

from telemetry.cli.opening import opened
from telemetry.cli.printing import count, counting
from telemetry.cli.reading import Line, opened_file, read_lines
from telemetry.cli.trial import answer_trial
from telemetry.core.errors import ConfigurationError, InvalidEventError
from telemetry.core.key import KeyPolicy
from telemetry.core.shadow import Shadow
from telemetry.ingest.rehearsal import claims_of
from telemetry.ops.shadow import ANY_SOURCE, Sent, in_force, try_sent, try_stored
from telemetry.runtime.config import Config, load_config
from telemetry.runtime.settings import Settings
from telemetry.runtime.span import read_span

REPEATS_UNKNOWN = "what came again is counted and not stored: try a file of what is sent to see all that a key splits"
NO_POLICIES = "what is in force is not known: no database is set, and --before names no file; `insert_id` or body count"
ONE_SOURCE = f"a file does not tell by which source an event comes: all count as of one, {ANY_SOURCE}"


class History:
    """A file of events as producers send them, which may be read again; what ingest never takes is counted once."""

    def __init__(self, path: Path, max_bytes: int, seen: Callable[[int], None] = lambda _: None) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._seen = seen
        self._read = 0
        self.unreadable = 0
        self.wrong = ""  # the first that is unreadable, and why

    def events(self) -> Iterator[Sent]:
        """Read the file, from its beginning."""
        with opened_file(self._path) as source:
            for line in read_lines(source):
                self._seen(line.number)
                try:
                    claims, at = self._claims(line)
                except InvalidEventError as error:
                    self._note(line, str(error))
                else:
                    yield Sent(claims, at, f"line {line.number}")
                self._read = max(self._read, line.number)

    def _claims(self, line: Line) -> tuple[dict[str, Any], datetime | None]:
        if line.wrong:
            raise InvalidEventError(line.wrong)
        return claims_of(line.text, self._max_bytes)

    def _note(self, line: Line, why: str) -> None:
        if line.number > self._read:
            self.unreadable += 1
            self.wrong = self.wrong or f"line {line.number}: {why}"


def against_file(settings: Settings, config: Config, path: Path, before: Path | None, *, as_json: bool) -> None:
    """Try the file's policies on a file of events, against those of an older file or those in force."""
    if path.exists() and not path.is_file():
        raise ConfigurationError(f"{path}: expected a file, as it is read twice; put what comes by a pipe into one")
    former = config if before is None else load_config(before)
    known = _in_force(settings) if before is None else _policies(former)
    by_body = known is None or former.ingest.unknown_types == "body"
    with counting("lines") as seen:
        history = History(path, config.ingest.max_event_bytes, seen)
        shadows = try_sent(history.events, _policies(config), known or {}, by_body=by_body)
    notes = [] if known is not None else [NO_POLICIES]
    if any(not (shadow.before and shadow.before.fields and shadow.after.fields) for shadow in shadows):
        notes.append(ONE_SOURCE)
    if history.unreadable:
        notes.append(f"{count(history.unreadable, 'line')} would be refused under any key; {history.wrong}")
    answer_trial(shadows, notes, str(path), as_json=as_json)


def against_database(settings: Settings, config: Config, span: str, *, as_json: bool) -> None:
    """Try the file's policies on what is stored."""
    try:
        back = read_span(span)
    except ValueError as error:
        raise ConfigurationError(f"--since: {error}") from None

    async def ask(seen: Callable[[int], None]) -> list[Shadow]:
        async with opened(settings) as connection:
            return await try_stored(connection, _policies(config), connection.clock.now() - back, seen)

    with counting("events") as seen:
        shadows = anyio.run(ask, seen)
    answer_trial(shadows, [REPEATS_UNKNOWN] if shadows else [], f"the last {span}", as_json=as_json)


def _policies(config: Config) -> dict[str, KeyPolicy]:
    return {name: policy.key for name, policy in config.types.items()}


def _in_force(settings: Settings) -> Mapping[str, KeyPolicy] | None:
    if settings.mongodb_uri is None:
        return None

    async def ask() -> dict[str, KeyPolicy]:
        async with opened(settings) as connection:
            return await in_force(connection)

    return anyio.run(ask)
