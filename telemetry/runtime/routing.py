"""What those have in common who want events: which types they are for, and the audiences that routes tell."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from telemetry.core.audience import check_audience_name
from telemetry.core.delivery import State
from telemetry.core.errors import ConfigurationError
from telemetry.core.event import Event
from telemetry.core.subscription import EVERY_TYPE, covers
from telemetry.runtime.config import SCHEDULES, Config, Table, nearest, quoted
from telemetry.runtime.templates import compiled, rendered, variables

LONGEST_ACCOUNT = 100
LONGEST_REASON = 300
MOST_AUDIENCES = 100
AudienceName = Annotated[str, AfterValidator(check_audience_name)]


def _compiles(source: str) -> str:
    compiled(source)
    return source


class Routing(Table):
    """The entries that every route may have."""

    events: list[str] = Field(min_length=1)
    audiences: list[AudienceName] = Field([], max_length=MOST_AUDIENCES)
    account: Annotated[str, AfterValidator(_compiles)] = ""

    @property
    def told(self) -> tuple[str, ...]:
        """The audiences, each once."""
        return tuple(dict.fromkeys(self.audiences))

    def wants(self, event_type: str) -> bool:
        """Say whether the route takes events of a type."""
        return covers(self.events, event_type)


def turn_of(table: Routing, default: str) -> Callable[[Event], str]:
    """Compile in whose turn a route's events are told; whatever the template raises on an event comes through."""
    template = compiled(table.account)

    def account(event: Event) -> str:
        text = "".join(sign if sign.isprintable() else " " for sign in rendered(template, variables(event)))
        return " ".join(text.split())[:LONGEST_ACCOUNT].strip() or default

    return account


def failed(entry: str, error: Exception) -> dict[str, Any]:
    """Give the fields of deliveries for which a template of a route failed."""
    return {"state": State.DEAD, "reason": f"template of {entry}: {type(error).__name__}: {error}"[:LONGEST_REASON]}


def known_types(config: Config) -> frozenset[str]:
    """Name the types that the file tells of: those with a key policy, and those of its schedules."""
    told = (table.get("event") for table in config.section(SCHEDULES).values() if isinstance(table, Mapping))
    return frozenset(config.types).union(name for name in told if isinstance(name, str))


def check_types(wanted: Sequence[str], config: Config, entry: str) -> None:
    """Raise ConfigurationError where an entry wants a type that is nearly a known one: that is a slip."""
    known = {EVERY_TYPE, *known_types(config)}
    for event_type in wanted:
        # A type without a policy may still come, with an insert_id.
        if event_type not in known and (guess := nearest(event_type, known)):
            declare = f"or else declare [types.{event_type}]"
            raise ConfigurationError(f"{config.source}: {entry}: unknown type {quoted(event_type)}{guess} {declare}")
