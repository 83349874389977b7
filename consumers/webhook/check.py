"""The webhooks' part of `tellonce check`: where each endpoint is, and whether it is switched on."""

from consumers.webhook.address import Fence
from consumers.webhook.endpoint import Endpoint, present, read_endpoints
from telemetry.core.errors import ConfigurationError, UnavailableError
from telemetry.ops.check import CONFIGURATION, PATIENCE, Finding
from telemetry.runtime.config import Config
from telemetry.runtime.settings import Settings
from telemetry.store.client import connect
from telemetry.store.endpoints import Endpoints, StoredEndpoint


async def check(settings: Settings, config: Config) -> list[Finding]:
    """Look at each endpoint, without sending it anything."""
    endpoints = present(read_endpoints(config), await _rows(settings)).values()
    found = [_look(endpoint, Fence(settings.webhook_allow)) for endpoint in endpoints]
    return found or [Finding("ok", "there are no webhooks")]


async def _rows(settings: Settings) -> dict[str, StoredEndpoint]:
    try:
        async with connect(settings.require_mongodb_uri(), settings.database, patience=PATIENCE) as connection:
            return await Endpoints(connection).all()
    except (ConfigurationError, UnavailableError):
        # That is told already.
        return {}


def _look(endpoint: Endpoint, fence: Fence) -> Finding:
    name = endpoint.name
    try:
        fence.check_url(endpoint.table.url)
    except ConfigurationError as error:
        return Finding("error", f"webhook {name}: {error}", "correct its address", CONFIGURATION)
    if endpoint.disabled is not None:
        step = f"`tellonce webhooks enable {name}` switches it on"
        return Finding("warning", f"webhook {name} is switched off: {endpoint.disabled.reason}", step)
    return Finding("ok", f"webhook {name}: `tellonce webhooks test {name}` sends it something")
