"""What `@on` says of a function: it is data on the function itself, so that importing a module does nothing."""

import inspect
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Never, TypeVar

from telemetry.core.backoff import Schedule
from telemetry.core.carrier import Terms
from telemetry.core.errors import ConfigurationError
from telemetry.runtime.config import expected_one_of, quoted
from telemetry.runtime.settings import read_waits

Function = Callable[[Any, Any], Awaitable[Any]]
F = TypeVar("F", bound=Function)

MARK = "__tellonce_handler__"
RETRIES = "5s,1m,5m"
OPTIONS = ("name", "retries", "timeout", "concurrency")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Reject(Exception):  # noqa: N818 - a handler says it, it is no error
    """Raise it where trying again would come to nothing: the delivery is dead, with this reason."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A handler: which events it wants, under what name, and how it is to be called."""

    name: str
    types: tuple[str, ...]
    function: Function
    terms: Terms

    @property
    def source(self) -> str:
        """Where it is defined, as messages name it."""
        return f"{self.function.__module__}:{self.function.__qualname__}"

    @property
    def entry(self) -> str:
        """What says which events it is for, as messages name it."""
        return f"@on of {self.source}"

    @property
    def destination(self) -> str:
        """Where its deliveries go."""
        return f"handler:{self.name}"


def on(
    types: str | Sequence[str],
    *,
    name: str | None = None,
    retries: str = RETRIES,
    timeout: str | None = None,
    concurrency: int = 4,
    **unknown: Never,
) -> Callable[[F], F]:
    """Have an async function called for each event of some types; raise ConfigurationError for a bad option."""

    def register(function: F) -> F:
        called = getattr(function, "__name__", repr(function)) if name is None else name
        where = f"@on of {getattr(function, '__module__', '?')}:{called}"
        for option in unknown:
            raise ConfigurationError(f"{where}: unknown option {option!r}; {expected_one_of(option, OPTIONS)}")
        _check_function(function, where)
        terms = Terms(
            concurrency=_number(concurrency, f"{where}: concurrency"),
            schedule=Schedule(_waits(retries, f"{where}: retries") if retries != "" else ()),
            timeout=None if timeout is None else _one(_waits(timeout, f"{where}: timeout"), f"{where}: timeout"),
        )
        wanted = _types(types, where)
        setattr(function, MARK, Registration(_name(called, where), wanted, function, terms))
        return function

    return register


def _check_function(function: Any, where: str) -> None:
    if not inspect.iscoroutinefunction(function):
        raise ConfigurationError(f"{where}: expected an async function; write `async def`")
    try:
        inspect.signature(function).bind(None, None)
    except TypeError:
        raise ConfigurationError(f"{where}: expected a function of two arguments, (event, ctx)") from None
    if hasattr(function, MARK):
        raise ConfigurationError(f"{where}: it has two @on; give one of them a list of types")
    # The name in the module will mean the later one: without a word, the earlier one would never be called.
    earlier = function.__globals__.get(function.__name__) if function.__qualname__ == function.__name__ else None
    lines = [_line(other) for other in (earlier, function) if hasattr(other, "__code__")]
    if hasattr(earlier, MARK) and lines[0] != lines[-1]:
        raise ConfigurationError(f"{where}: defined twice, in lines {lines[0]} and {lines[1]}; give one another name")


def _line(function: Any) -> int:
    return int(function.__code__.co_firstlineno)


def _name(name: Any, where: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError(f"{where}: name: expected up to 64 letters, digits, '_' or '-', not {quoted(name)}")
    return name


def _types(types: Any, where: str) -> tuple[str, ...]:
    listed = (types,) if isinstance(types, str) else tuple(types) if isinstance(types, list | tuple) else ()
    if not listed or not all(isinstance(kind, str) and kind for kind in listed):
        raise ConfigurationError(f'{where}: expected an event type, a list of them, or "*", not {quoted(types)}')
    return listed


def _number(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigurationError(f"{where}: expected a number of at least 1, not {quoted(value)}")
    return value


def _waits(spelt: Any, where: str) -> tuple[float, ...]:
    try:
        waits: tuple[float, ...] = read_waits(spelt)
    except ValueError as error:
        raise ConfigurationError(f"{where}: {error}") from None
    if not isinstance(spelt, str) or not all(waits):
        raise ConfigurationError(f'{where}: expected waits as in "5s,5m,2h", not {quoted(spelt)}')
    return waits


def _one(waits: tuple[float, ...], where: str) -> float:
    if len(waits) > 1:
        raise ConfigurationError(f"{where}: expected one time, not {len(waits)}")
    return waits[0]
