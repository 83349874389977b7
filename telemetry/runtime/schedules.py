"""A schedule as `tellonce.toml` spells it, and as the command line does.

[schedules.standup]
event = "reminder"
cron = "0 9 * * 1-5"       # or every = "15m", or at = "2026-12-24T18:00"
zone = "Europe/Berlin"     # UTC without it
"""

from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from telemetry.core.cron import Cron, check_cron
from telemetry.core.due import Missed
from telemetry.core.errors import ConfigurationError, InvalidEventError
from telemetry.core.schedule import Entry, check_schedule_name, occurrence_key
from telemetry.core.timing import Every, Once, Timing, spell_span
from telemetry.runtime.config import SCHEDULES, Config, Table, dotted, mistake, nearest, quoted, validated
from telemetry.runtime.properties import check_properties
from telemetry.runtime.span import FURTHEST, read_seconds

MAX_NAME = 256
TIMINGS = ("cron", "every", "at")


def _check_zone(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        guess = nearest(zone, available_timezones())
        raise ValueError(f"expected a time zone as in Europe/Berlin, not {quoted(zone)}{guess}") from None
    return zone


def _read_at(spelling: Any) -> Any:
    try:
        moment = datetime.fromisoformat(spelling) if isinstance(spelling, str) else spelling
    except ValueError:
        moment = None
    # At either end of the calendar a zone may lead out of it.
    if not isinstance(moment, datetime) or moment.year in (MINYEAR, MAXYEAR):
        raise ValueError(f"expected a time as in 2026-12-24T18:00 or 2026-12-24T18:00Z, not {quoted(spelling)}")
    return moment.replace(microsecond=0)


class ScheduleTable(Table):
    """One `[schedules.<name>]`."""

    event: str = Field(min_length=1, max_length=MAX_NAME)
    distinct_id: str | None = Field(None, min_length=1, max_length=MAX_NAME)
    properties: Annotated[dict[str, Any], AfterValidator(check_properties)] = Field(default_factory=dict)
    cron: Annotated[str, AfterValidator(check_cron)] | None = None
    every: Annotated[int, BeforeValidator(read_seconds)] | None = None
    at: Annotated[datetime, BeforeValidator(_read_at)] | None = None
    zone: Annotated[str, AfterValidator(_check_zone)] = "UTC"
    missed: Literal["all", "latest", "none"] = "latest"

    @model_validator(mode="after")
    def _has_one_timing(self) -> Self:
        given = [name for name in TIMINGS if getattr(self, name) is not None]
        if len(given) != 1:
            raise mistake(f"expected one of cron, every and at, not {' and '.join(given) or 'none of them'}")
        if self.at is not None and _moment(self.at, self.zone) is None:
            raise mistake(f"expected a time that {self.zone} has: its clocks skip {self.at:%Y-%m-%d %H:%M}", at="at")
        return self

    def timing(self, now: datetime) -> Timing:
        """Give its timing; an interval is counted from now."""
        if self.cron is not None:
            return Cron(self.cron, self.zone)
        if self.every is not None:
            return Every(self.every, now.replace(microsecond=0))
        return Once(_moment(self.at or now, self.zone) or now)


def _moment(at: datetime, zone: str) -> datetime | None:
    """Give the moment that a spelling means; None where the zone's clocks never show it."""
    if at.tzinfo is not None:
        return at.astimezone(UTC)
    moment = at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return moment if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == at else None


def read_schedules(config: Config, now: datetime) -> dict[str, Entry]:
    """Read the file's schedules; raise ConfigurationError naming the entry that is wrong."""
    return {
        name: read_entry(name, raw, now, config.source, f"{SCHEDULES}.{dotted(name)}")
        for name, raw in config.section(SCHEDULES).items()
    }


def read_entry(name: str, raw: Any, now: datetime, source: str, place: str) -> Entry:
    """Read one schedule; raise ConfigurationError naming what is wrong with it."""
    try:
        check_schedule_name(name)
    except ValueError as error:
        raise ConfigurationError(f"{source}: {place}: {error}") from None
    table = validated(ScheduleTable, raw, source, place)
    timing = table.timing(now)
    if isinstance(timing, Once) and timing.moment > now + FURTHEST:
        raise ConfigurationError(f"{source}: {place}.at: expected within ten years, not {timing.moment:%Y-%m-%d}")
    try:
        # The longest key that it can come to.
        occurrence_key(table.event, name, 10**9 - 1, now)
    except InvalidEventError as error:
        raise ConfigurationError(f"{source}: {place}.event: {error}") from None
    distinct_id = name if table.distinct_id is None else table.distinct_id
    return Entry(timing, table.zone, table.event, distinct_id, table.properties, Missed(table.missed))


def spell_entry(entry: Entry) -> dict[str, Any]:
    """Spell a schedule as the file would."""
    match entry.timing:
        case Cron():
            when: Mapping[str, Any] = {"cron": entry.timing.expression}
        case Every():
            when = {"every": spell_span(entry.timing.seconds)}
        case Once():
            when = {"at": entry.timing.moment.isoformat()}
    said = {"event": entry.event, "distinct_id": entry.distinct_id, "properties": dict(entry.properties)}
    return {**said, **when, "zone": entry.zone, "missed": entry.missed.value}
