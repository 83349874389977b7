"""Routes: events that the endpoints of audiences are told, besides those that asked for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consumers.webhook.endpoint import NAME, RouteTable, read_section
from telemetry.core.event import Event
from telemetry.core.fan_out import FanOut
from telemetry.runtime.config import Config
from telemetry.runtime.routing import check_types, failed, turn_of


@dataclass(frozen=True, slots=True)
class Route:
    """Tells events of some types to members of audiences."""

    entry: str  # as messages name it
    table: RouteTable
    account: Callable[[Event], str]  # in whose turn they are told

    def fan_out(self, event: Event, body: Mapping[str, Any]) -> FanOut:
        """Plan an event for the members; what a template raises makes their deliveries dead, with the reason."""
        account, fields = NAME, dict[str, Any](group=event.distinct_id)
        try:
            account = self.account(event)
        except Exception as error:  # noqa: BLE001 - a template may raise anything; the other deliveries go on
            fields |= failed(self.entry, error)
        return FanOut(self.table.told, (NAME,), [body], account, fields)


def read_routes(config: Config) -> Sequence[Route]:
    """Read the routes of the section; raise ConfigurationError naming the entry that is wrong."""
    return [_route(number, table, config) for number, table in enumerate(read_section(config).routes, 1)]


def _route(number: int, table: RouteTable, config: Config) -> Route:
    entry = f"{NAME}.routes#{number}"
    check_types(table.events, config, f"{entry}.events")
    return Route(entry, table, turn_of(table, NAME))
