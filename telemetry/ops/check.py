"""Is this deployment set up right: its file, its environment, its database, and what its consumers need."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Literal, TypeAlias

from telemetry.core.audience import no_such_audience
from telemetry.core.consumer import Consumer
from telemetry.core.errors import ConfigurationError, UnavailableError
from telemetry.ops.audiences import named
from telemetry.ops.indexes import compare as compare_indexes
from telemetry.ops.keys import compare as compare_keys
from telemetry.runtime.canary import read_destination
from telemetry.runtime.config import CANARY, SCHEDULES, Config
from telemetry.runtime.settings import Settings
from telemetry.store.audiences import Audiences
from telemetry.store.client import Connection, connect
from telemetry.store.sources import Sources

GROUP = "tellonce.checks"
CONFIGURATION, DATABASE, TOKEN, PERMISSION = 2, 3, 4, 5
PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; what is not right says what to do, and an error with which code to exit."""

    level: Literal["ok", "warning", "error"]
    what: str
    next_step: str = ""
    exit_code: int = 0


Checker: TypeAlias = Callable[[Settings, Config], Awaitable[list[Finding]]]


async def check(
    settings: Settings, config: Config, consumers: Sequence[Consumer], points: Iterable[EntryPoint] | None = None
) -> list[Finding]:
    """Look at everything that can be looked at without changing it."""
    findings = [_file(config), *_canary(config), *_warnings(consumers)]
    findings += await _database(settings, config, consumers)
    for point in entry_points(group=GROUP) if points is None else points:
        findings += await _foreign(point, settings, config)
    return findings


def exit_code(findings: Sequence[Finding]) -> int:
    """Give the code of the most basic error: what is wrong below makes what is above unknowable."""
    return min((finding.exit_code for finding in findings if finding.level == "error"), default=0)


def _file(config: Config) -> Finding:
    schedules = len(config.section(SCHEDULES))
    said = f", {schedules} schedule{'s'[: schedules > 1]}" if schedules else ""
    return Finding("ok", f"{config.source}: {len(config.types)} event types{said}")


def _canary(config: Config) -> list[Finding]:
    if CANARY not in config.sections:
        return []
    try:
        return [Finding("ok", f"canaries are told at {read_destination(config, None)}")]
    except ConfigurationError as error:
        return [Finding("error", str(error), "correct it, then check again", CONFIGURATION)]


def _warnings(consumers: Sequence[Consumer]) -> list[Finding]:
    return [
        Finding("warning", f"consumer {consumer.name}: {line}")
        for consumer in consumers
        for line in getattr(consumer, "warnings", list)()
    ]


async def _database(settings: Settings, config: Config, consumers: Sequence[Consumer]) -> list[Finding]:
    try:
        uri = settings.require_mongodb_uri()
    except ConfigurationError as error:
        return [Finding("error", str(error), "set it, then check again", CONFIGURATION)]
    try:
        async with connect(uri, settings.database, patience=PATIENCE) as connection:
            answered = Finding("ok", f"the database {settings.database!r} answers")
            names = [consumer.name for consumer in consumers]
            found = [
                answered,
                *await _sources(connection, settings),
                *await _indexes(connection, names),
                *await _keys(connection, config),
            ]
            return found + await _audiences(connection, consumers)
    except UnavailableError as error:
        return [Finding("error", str(error), "is it running, and is TELLONCE_MONGODB_URI right?", DATABASE)]
    except ConfigurationError as error:
        return [Finding("error", str(error), "mend the address, then check again", CONFIGURATION)]


async def _sources(connection: Connection, settings: Settings) -> list[Finding]:
    rows = (await Sources(connection).all()).values()
    added = {source.name for source in rows if source.digests}
    if both := sorted(added & settings.ingest_keys.keys()):
        step = "take the name out of TELLONCE_INGEST_KEYS"
        return [Finding("error", f"{', '.join(both)}: a source of that name was added too", step, CONFIGURATION)]
    if known := len(added) + len(settings.ingest_keys):
        return [Finding("ok", f"ingest knows {known} source{'s'[: known > 1]}")]
    if any(source.revoked_at for source in rows):
        return [Finding("warning", "every source is revoked: ingest takes nothing", "`tellonce sources add NAME`")]
    try:
        settings.require_ingest_keys()
    except ConfigurationError as error:
        return [Finding("error", str(error), "set it, then check again", CONFIGURATION)]
    step = "`tellonce sources add NAME` closes it"
    return [Finding("warning", "ingest takes events without a key, from this machine only", step)]


async def _indexes(connection: Connection, names: Sequence[str]) -> list[Finding]:
    wrong = [(index, verdict) for index, verdict in await compare_indexes(connection, names) if verdict != "right"]
    if not wrong:
        return [Finding("ok", "the indexes are right")]
    step = "the next start of a daemon builds it, or `tellonce indexes --apply` now"
    return [Finding("warning", f"index {index.collection}.{index.name}: {verdict}", step) for index, verdict in wrong]


async def _keys(connection: Connection, config: Config) -> list[Finding]:
    file = {name: policy.key for name, policy in config.types.items()}
    wrong = [row for row in await compare_keys(connection, file) if row.needs_switch]
    return [
        Finding(
            "error",
            f"types.{row.type}: the file's key is not the one in force",
            f"`tellonce check --since 7d` tries it, `tellonce keys apply {row.type}` puts the file's in force",
            CONFIGURATION,
        )
        for row in wrong
    ] or [Finding("ok", "the key policies are those in force")]


async def _audiences(connection: Connection, consumers: Sequence[Consumer]) -> list[Finding]:
    entries = named(consumers)
    known = await Audiences(connection).reach(list(entries))
    return [
        Finding("error", f"{', '.join(entries[name])}: {no_such_audience(name)}", "make it", CONFIGURATION)
        for name in sorted(entries.keys() - known.keys())
    ]


async def _foreign(point: EntryPoint, settings: Settings, config: Config) -> list[Finding]:
    try:
        checker: Checker = point.load()
    except Exception as error:  # noqa: BLE001 - another package's import may raise anything
        return [Finding("error", f"the check {point.name!r} cannot be loaded: {error}", "mend it", CONFIGURATION)]
    return await checker(settings, config)
