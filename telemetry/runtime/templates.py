"""Templates over an event, whose work is bounded and whose answer is always the same.

A property that is missing prints nothing, as does null.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sized
from datetime import datetime
from typing import Any

from jinja2 import ChainableUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from telemetry.core.event import Event
from telemetry.runtime.config import nearest

VARIABLES = frozenset({"event", "distinct_id", "properties", "time", "key"})
# Several times what the longest part of a message holds; what is beyond is not even rendered.
LONGEST_OUTPUT = 20_000
LONGEST_RANGE = 1_000
LARGEST_NUMBER = 2**128
LARGEST_EXPONENT = 64
_CLOCKS = frozenset({"now", "utcnow", "today"})
_RANDOM = ("random",)
_FROM_FILES: tuple[type[nodes.Node], ...] = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


def spell(value: Any) -> str:
    """Spell a value for people: JSON's words for what came as JSON, nothing for what is not there."""
    if value is None or callable(value) or isinstance(value, ChainableUndefined):
        return ""
    if isinstance(value, (bool, Mapping, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


class Sandbox(ImmutableSandboxedEnvironment):
    """Where templates run: no files, no clock, no chance, and no endless work."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, print_as: Callable[[Any], str], filters: Mapping[str, Callable[[Any], str]]) -> None:
        super().__init__(undefined=ChainableUndefined, finalize=print_as, autoescape=False)
        self.filters |= filters
        self.globals = {"range": bounded_range, "dict": dict, "namespace": self.globals["namespace"]}
        for name in _RANDOM:
            del self.filters[name]

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Read `properties.items` as the property of that name, where there is one."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Keep today's date out: the same event must render alike at any time."""
        if isinstance(obj, datetime) and attr in _CLOCKS:
            return False
        return super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Refuse an operation whose result an event could make huge."""
        if operator == "%" and isinstance(left, str):
            raise SecurityError("% does not format here; join with ~")
        if operator == "**" and abs(right) > LARGEST_EXPONENT:
            raise SecurityError(f"an exponent above {LARGEST_EXPONENT}")
        if any(isinstance(side, int) and abs(side) > LARGEST_NUMBER for side in (left, right)):
            raise SecurityError("a number too large to count with")
        for repeated, times in ((left, right), (right, left)):
            if isinstance(repeated, Sized) and isinstance(times, int) and len(repeated) * times > LONGEST_OUTPUT:
                raise SecurityError(f"a result of more than {LONGEST_OUTPUT} characters")
        return super().call_binop(context, operator, left, right)


def bounded_range(*args: int) -> range:
    """Count, but not for long."""
    numbers = range(*args)
    if len(numbers) > LONGEST_RANGE:
        raise SecurityError(f"a range of more than {LONGEST_RANGE}")
    return numbers


PLAIN = Sandbox(spell, {})


def compiled(source: str, sandbox: Sandbox = PLAIN) -> Template:
    """Compile a template; raise ValueError in one line for a mistake that shows without an event."""
    try:
        tree = sandbox.parse(source)
        _check(tree, sandbox)
        return sandbox.from_string(source)
    except TemplateSyntaxError as error:
        raise ValueError(f"line {error.lineno} of the template: {error.message}") from error
    except (TemplateError, RecursionError) as error:
        raise ValueError(f"the template cannot work: {error}") from error


def _check(tree: nodes.Template, sandbox: Sandbox) -> None:
    if any(tree.find(kind) for kind in _FROM_FILES):
        raise ValueError("a template stands alone: no include, import or extends")
    for kind, known in ((nodes.Filter, sandbox.filters), (nodes.Test, sandbox.tests)):
        used = [node.name for node in tree.find_all(kind)]
        _refuse_unknown(kind.__name__.lower(), used, known)
    _refuse_unknown("variable", sorted(meta.find_undeclared_variables(tree)), VARIABLES)


def _refuse_unknown(what: str, used: Iterable[str], known: Iterable[str]) -> None:
    names = set(known)
    for name in used:
        if name not in names:
            guess = nearest(name, names) or (f"; expected {', '.join(sorted(names))}" if what == "variable" else "")
            raise ValueError(f'unknown {what} "{name}" in the template{guess}')


def variables(event: Event) -> dict[str, Any]:
    """Say what a template sees of an event."""
    return {
        "event": event.type,
        "distinct_id": event.distinct_id,
        "properties": event.properties,
        "time": event.time,
        "key": event.key,
    }


def rendered(template: Template, values: Mapping[str, Any]) -> str:
    """Render a template, up to the longest output; whatever a template raises on an event comes through."""
    parts: list[str] = []
    size = 0
    for part in template.generate(**values):
        parts.append(part)
        size += len(part)
        if size > LONGEST_OUTPUT:
            break
    return "".join(parts)[:LONGEST_OUTPUT]
