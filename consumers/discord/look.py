"""How an event looks as a message: the templates of a route or of one of its parts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self
from urllib.parse import quote, urlsplit

from jinja2 import Template
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from consumers.discord.message import CONTENT_ROOM, FIELDS, URL, Body, clean, escape, limited, trim
from consumers.discord.render import compiled
from telemetry.core.event import Event
from telemetry.runtime.config import Table, mistake, quoted
from telemetry.runtime.templates import rendered, variables

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


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


class LookTable(Table):
    """What a message shows; one `parts` entry of a route."""

    title: Source = ""
    body: Source = ""
    url: Source = ""
    color: Annotated[int | None, BeforeValidator(_color)] = None
    fields: list[FieldTable] = Field([], max_length=FIELDS)
    footer: Source = ""
    content: Source = ""
    timestamp: bool = False

    @model_validator(mode="after")
    def _shows_something(self) -> Self:
        if not (self.title or self.body or self.fields or self.content):
            raise mistake("expected a title, a body, fields or content, as the message would be empty")
        return self


@dataclass(frozen=True, slots=True)
class Look:
    """The templates, compiled."""

    table: LookTable
    texts: Mapping[str, Template]
    fields: Sequence[tuple[Template, Template, bool]]

    @classmethod
    def of(cls, table: LookTable) -> Self:
        """Compile the templates of a table."""
        # Discord shows footers and addresses as they are: there, an escape would be seen.
        markdown = {"title": True, "body": True, "content": True, "url": False, "footer": False}
        texts = {name: compiled(getattr(table, name), markdown=how) for name, how in markdown.items()}
        return cls(table, texts, [(compiled(one.name), compiled(one.value), one.inline) for one in table.fields])

    def body(self, event: Event, mentions: Sequence[str] = (), *, digest: bool = True, silent: bool = False) -> Body:
        """Render an event; whatever a template raises comes through."""
        values = variables(event)
        text = {name: rendered(template, values) for name, template in self.texts.items()}
        embed = self._embed(event, text, values)
        content = trim(clean(text["content"]), CONTENT_ROOM)
        if not (content or embed):
            # Discord refuses an empty message, and news whose text came out empty is still news.
            embed = limited({"description": escape(clean(event.key))})
        return Body(
            event.key,
            content=content or None,
            embed=embed or None,
            mentions=tuple(sorted(set(mentions))),
            digest=digest,
            silent=silent,
        )

    def _embed(self, event: Event, text: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
        fields = [
            {"name": rendered(name, values), "value": rendered(value, values), "inline": inline}
            for name, value, inline in self.fields
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
