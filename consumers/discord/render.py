"""Templates in which the values of an event are text, never Markdown.

What an expression prints is escaped as it is printed, so an escape holds whatever filters and loops came
before. `| raw` (last) prints a value as it stands: for Markdown made by the producer, and for what a macro or a
`{% set %}` block has printed already.
"""

from typing import Any

from jinja2 import Template

from consumers.discord.message import clean, escape
from telemetry.runtime import templates
from telemetry.runtime.templates import LONGEST_OUTPUT, Sandbox, spell


class Raw(str):
    """Text that is printed as it stands."""

    __slots__ = ()


def raw(value: Any) -> Raw:
    """Print a value as it stands."""
    return Raw(spell(value))


def code(value: Any) -> Raw:
    """Print a value as inline code, in which escapes do not work."""
    return Raw(f"`{clean(spell(value)).replace('`', 'ˋ') or ' '}`")  # noqa: RUF001 - it must not end the code


def _markdown(value: Any) -> str:
    return str(value) if isinstance(value, Raw) else escape(clean(spell(value)[:LONGEST_OUTPUT]))


MARKDOWN = Sandbox(_markdown, {"raw": raw, "code": code})
PLAIN = Sandbox(spell, {"raw": raw, "code": raw})


def compiled(source: str, *, markdown: bool = True) -> Template:
    """Compile a template; raise ValueError in one line for a mistake that shows without an event."""
    return templates.compiled(source, MARKDOWN if markdown else PLAIN)
