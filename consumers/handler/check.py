"""The handlers' part of `tellonce check`: which there are, and what each is called for."""

from consumers.handler.collection import collect
from telemetry.core.errors import ConfigurationError
from telemetry.ops.check import CONFIGURATION, Finding
from telemetry.runtime.config import Config
from telemetry.runtime.settings import Settings


async def check(settings: Settings, config: Config) -> list[Finding]:  # noqa: ARG001 - what every check gets
    """Look at each handler, without calling it."""
    try:
        handlers = collect(settings)
    except ConfigurationError as error:
        return [Finding("error", str(error), "correct it, then check again", CONFIGURATION)]
    return [
        Finding("ok", f"handler {one.name} ({one.source}) is called for {', '.join(one.types)}") for one in handlers
    ]
