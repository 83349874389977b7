"""The handlers as a family of consumers: their names are known when the user's modules have been read."""

from collections.abc import Mapping, Sequence

from consumers.handler.carrier import OpenHandler
from consumers.handler.collection import collect
from consumers.handler.consumer import HandlerConsumer
from telemetry.runtime.config import Config
from telemetry.runtime.routing import check_types, known_types
from telemetry.runtime.settings import Settings


class Handlers:
    """Every handler, each as one consumer with a queue and a courier of its own."""

    def consumers(self, settings: Settings, config: Config) -> Sequence[HandlerConsumer]:
        """Make a consumer a handler; raise ConfigurationError where one wants a type that is nearly a known one."""
        handlers = collect(settings)
        for handler in handlers:
            check_types(handler.types, config, handler.entry)
        return [HandlerConsumer(handler, known_types(config)) for handler in handlers]

    def carriers(self, settings: Settings, config: Config) -> Mapping[str, OpenHandler]:  # noqa: ARG002 - a family's
        """Give what opens the carrier of each handler."""
        return {handler.name: OpenHandler(handler) for handler in collect(settings)}


HANDLERS = Handlers()
