"""The section `[discord]` of `tellonce.toml`: which events go to which channels and audiences, and how they look."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from consumers.discord.look import Look, LookTable
from consumers.discord.message import Body
from telemetry.core.audience import SNOWFLAKE
from telemetry.core.errors import ConfigurationError
from telemetry.core.event import Event
from telemetry.runtime.config import Config, Table, expected_one_of, mistake, quoted, validated
from telemetry.runtime.routing import Routing, check_types, turn_of

NAME = "discord"
MOST_PARTS = 20


def _channel_id(spelling: Any) -> str:
    if isinstance(spelling, int):
        raise ValueError(f'expected the channel id in quotes, as in "{spelling}"')  # noqa: TRY004 - pydantic's
    if not isinstance(spelling, str) or not SNOWFLAKE.fullmatch(spelling):
        raise ValueError(f"expected a channel id, which is 15 to 20 digits, not {quoted(spelling)}")
    return spelling


class RouteTable(Routing, LookTable):
    """One `[[discord.routes]]`."""

    channel: str | None = None
    mentions: list[Literal["users", "roles", "everyone"]] = Field([], max_length=3)
    digest: bool = True
    silent: bool = False
    parts: list[LookTable] = Field([], max_length=MOST_PARTS)

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        if self.channel is None and not self.audiences:
            raise mistake("expected a channel, audiences, or both, as nobody would be told")
        return self


class DiscordTable(Table):
    """The whole section."""

    channels: Mapping[str, Annotated[str, BeforeValidator(_channel_id)]] = Field(default_factory=dict)
    routes: list[RouteTable] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Route:
    """Sends events of some types to one channel, to audiences, or both, in one form."""

    number: int  # its place in the file, from 1
    table: RouteTable
    channel_id: str | None
    looks: Sequence[Look]  # of each message, in their order
    account: Callable[[Event], str]  # in whose turn members of audiences are told

    @property
    def entry(self) -> str:
        """The route, as messages name it."""
        return entry_of(self.number)

    @property
    def destination(self) -> str | None:
        """The channel, canonically: never by the name the file gives it."""
        return f"{NAME}:{self.channel_id}" if self.channel_id else None

    def wants(self, event_type: str) -> bool:
        """Say whether the route takes events of a type."""
        return self.table.wants(event_type)

    def bodies(self, event: Event) -> list[Body]:
        """Render an event's messages, in their order; whatever a template raises comes through."""
        said = self.table
        return [look.body(event, said.mentions, digest=said.digest, silent=said.silent) for look in self.looks]


def read_routes(config: Config) -> tuple[Route, ...]:
    """Read the section; raise ConfigurationError naming the entry that is wrong."""
    table = validated(DiscordTable, config.section(NAME), config.source, NAME)
    return tuple(_route(number, entry, table, config) for number, entry in enumerate(table.routes, 1))


def entry_of(number: int) -> str:
    """Name a route by its place in the file."""
    return f"{NAME}.routes#{number}"


def _route(number: int, table: RouteTable, section: DiscordTable, config: Config) -> Route:
    if table.channel is not None and table.channel not in section.channels:
        expected = expected_one_of(table.channel, section.channels)
        place = f"{config.source}: {entry_of(number)}.channel"
        raise ConfigurationError(f"{place}: unknown channel {quoted(table.channel)}; {expected}")
    check_types(table.events, config, f"{entry_of(number)}.events")
    channel_id = section.channels[table.channel] if table.channel is not None else None
    looks = [Look.of(one) for one in (table, *table.parts)]
    return Route(number, table, channel_id, looks, turn_of(table, NAME))
