"""The handlers of a deployment: those in the modules that the settings name, and those of installed packages."""

import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from consumers.handler.registration import MARK, Registration
from telemetry.core.errors import ConfigurationError
from telemetry.runtime.settings import Settings

GROUP = "tellonce.handlers"
SETTING = "TELLONCE_HANDLERS"


def collect(settings: Settings, points: Iterable[EntryPoint] | None = None) -> list[Registration]:
    """List all handlers, in the order of their names; raise ConfigurationError where two have one name."""
    found: dict[str, Registration] = {}
    for place, value in _places(settings, entry_points(group=GROUP) if points is None else points):
        handlers = _in(value, place)
        if not handlers:
            raise ConfigurationError(f"{place}: no function there has @on; write it above one, or name another module")
        for handler in handlers:
            other = found.setdefault(handler.name, handler)
            if other != handler:
                both = f"{other.source} and {handler.source}"
                raise ConfigurationError(f"handler {handler.name!r} is registered twice, by {both}: rename one")
    return sorted(found.values(), key=lambda handler: handler.name)


def _places(settings: Settings, points: Iterable[EntryPoint]) -> Iterable[tuple[str, Any]]:
    for name in settings.handlers:
        yield f"{SETTING}: {name}", _imported(name)
    for point in points:
        place = f"the entry point {point.name!r} of {GROUP}"
        try:
            yield place, point.load()
        except Exception as error:  # another package's import may raise anything
            raise ConfigurationError(f"{place} cannot be loaded: {_said(error)}") from error


def _imported(name: str) -> ModuleType:
    # A console script does not look where it was started. Last, so that nothing there hides what is installed.
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        return import_module(name)
    except (Exception, SystemExit) as error:  # a user's module may raise anything
        raise ConfigurationError(f"{SETTING}: {name} cannot be imported: {_said(error)}") from error


def _said(error: BaseException) -> str:
    return str(error) if isinstance(error, ConfigurationError) else f"{type(error).__name__}: {error}".split("\n")[0]


def _in(value: Any, place: str) -> list[Registration]:
    if isinstance(value, ModuleType):
        return [mark for function in vars(value).values() if (mark := _mark(function))]
    if isinstance(value, list | tuple):
        return [handler for item in value for handler in _in(item, place)]
    if mark := _mark(value):
        return [mark]
    raise ConfigurationError(f"{place}: expected a module, a function with @on, or a list of those, not {value!r:.80}")


def _mark(function: Any) -> Registration | None:
    # Anything may stand in a module, also what answers to every name.
    mark = getattr(function, MARK, None) if callable(function) else None
    return mark if isinstance(mark, Registration) else None
