"""The section `[discord]` of `tellonce.toml`: which events go to which channel, and how they look there."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit

from jinja2 import Template
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from consumers.discord.message import CONTENT_ROOM, FIELDS, URL, Body, clean, escape, limited, trim
from consumers.discord.render import compiled, rendered, variables
from telemetry.core.errors import ConfigurationError
from telemetry.core.event import Event
from telemetry.core.subscription import EVERY_TYPE, covers
from telemetry.runtime.config import Config, Table, expected_one_of, mistake, nearest, quoted, validated

NAME = "discord"
_SNOWFLAKE = re.compile(r"[1-9][0-9]{14,19}")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


def _channel_id(spelling: Any) -> str:
    if isinstance(spelling, int):
        raise ValueError(f'expected the channel id in quotes, as in "{spelling}"')  # noqa: TRY004 - pydantic's
    if not isinstance(spelling, str) or not _SNOWFLAKE.fullmatch(spelling):
        raise ValueError(f"expected a channel id, which is 15 to 20 digits, not {quoted(spelling)}")
    return spelling


def _color(spelling: Any) -> Any:
    if isinstance(spelling, str) and _COLOR.fullmatch(spelling):
        return int(spelling[1:], 16)
    if isinstance(spelling, int) and 0 <= spelling <= 0xFFFFFF:  # noqa: PLR2004 - three bytes
        return spelling
    raise ValueError(f'expected a color as in "#5865f2", not {quoted(spelling)}')


def _compiles(source: str) -> str:
    compiled(source)
    return source


Source = Annotated[str, AfterValidator(_compiles)]


class FieldTable(Table):
    """One `fields` entry of a route."""

    name: Source
    value: Source
    inline: bool = False


class RouteTable(Table):
    """One `[[discord.routes]]`."""

    events: list[str] = Field(min_length=1)
    channel: str
    title: Source = ""
    body: Source = ""
    url: Source = ""
    color: Annotated[int | None, BeforeValidator(_color)] = None
    fields: list[FieldTable] = Field([], max_length=FIELDS)
    footer: Source = ""
    content: Source = ""
    mentions: list[Literal["users", "roles", "everyone"]] = Field([], max_length=3)
    timestamp: bool = False
    digest: bool = True
    silent: bool = False

    @model_validator(mode="after")
    def _shows_something(self) -> Self:
        if not (self.title or self.body or self.fields or self.content):
            raise mistake("expected a title, a body, fields or content, as the message would be empty")
        return self


class DiscordTable(Table):
    """The whole section."""

    channels: Mapping[str, Annotated[str, BeforeValidator(_channel_id)]] = Field(default_factory=dict)
    routes: list[RouteTable] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Look:
    """A route's templates, compiled."""

    texts: Mapping[str, Template]
    fields: Sequence[tuple[Template, Template, bool]]


@dataclass(frozen=True, slots=True)
class Route:
    """Sends events of some types to one channel, in one form."""

    number: int  # its place in the file, from 1
    table: RouteTable
    channel_id: str
    look: _Look

    @property
    def destination(self) -> str:
        """The channel, canonically: never by the name the file gives it."""
        return f"discord:{self.channel_id}"

    def wants(self, event_type: str) -> bool:
        """Say whether the route takes events of a type."""
        return covers(self.table.events, event_type)

    def body(self, event: Event) -> Body:
        """Render an event; whatever a template raises comes through."""
        values = variables(event)
        text = {name: rendered(template, values) for name, template in self.look.texts.items()}
        embed = self._embed(event, text, values)
        content = trim(clean(text["content"]), CONTENT_ROOM)
        if not (content or embed):
            # Discord refuses an empty message, and news whose text came out empty is still news.
            embed = limited({"description": escape(clean(event.key))})
        return Body(
            event.key,
            content=content or None,
            embed=embed or None,
            mentions=tuple(sorted(set(self.table.mentions))),
            digest=self.table.digest,
            silent=self.table.silent,
        )

    def _embed(self, event: Event, text: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
        fields = [
            {"name": rendered(name, values), "value": rendered(value, values), "inline": inline}
            for name, value, inline in self.look.fields
        ]
        embed = limited(
            {
                "title": text["title"],
                "description": text["body"],
                "fields": fields,
                "url": web_address(text["url"]),
                "color": self.table.color,
                "timestamp": event.time.isoformat() if self.table.timestamp else None,
                "footer": {"text": text["footer"]},
            }
        )
        return embed if embed.keys() & {"title", "description", "fields"} else {}


def web_address(text: str) -> str | None:
    """Return a rendered address as Discord takes one, or None: a bad link must not cost the message."""
    spelt = quote(clean(text).strip(), safe=":/?#[]@!$&'()*+,;=%~")
    try:
        parts = urlsplit(spelt)
        good = parts.scheme in ("http", "https") and _HOST.fullmatch(parts.hostname or "") and len(spelt) <= URL
    except ValueError:
        return None
    return spelt if good else None


def read_routes(config: Config) -> tuple[Route, ...]:
    """Read the section; raise ConfigurationError naming the entry that is wrong."""
    table = validated(DiscordTable, config.section(NAME), config.source, NAME)
    return tuple(_route(number, entry, table, config) for number, entry in enumerate(table.routes, 1))


def _route(number: int, entry: RouteTable, table: DiscordTable, config: Config) -> Route:
    where = f"{config.source}: discord.routes#{number}"
    if entry.channel not in table.channels:
        expected = expected_one_of(entry.channel, table.channels)
        raise ConfigurationError(f"{where}.channel: unknown channel {quoted(entry.channel)}; {expected}")
    for event_type in entry.events:
        # A type without a policy may still come, with an insert_id; but one that is nearly a known one is a slip.
        guess = nearest(event_type, {EVERY_TYPE, *config.types})
        if event_type not in config.types and event_type != EVERY_TYPE and guess:
            declare = f"or else declare [types.{event_type}]"
            raise ConfigurationError(f"{where}.events: unknown type {quoted(event_type)}{guess} {declare}")
    return Route(number, entry, table.channels[entry.channel], _look(entry))


def _look(entry: RouteTable) -> _Look:
    # Discord shows footers and addresses as they are: there, an escape would be seen.
    markdown = {"title": True, "body": True, "content": True, "url": False, "footer": False}
    texts = {name: compiled(getattr(entry, name), markdown=how) for name, how in markdown.items()}
    return _Look(texts, [(compiled(field.name), compiled(field.value), field.inline) for field in entry.fields])
