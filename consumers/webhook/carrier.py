"""The carrier of the queue `webhook`: a signed request a try, under an id that stays."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from consumers.webhook.address import Fence
from consumers.webhook.directory import Directory
from consumers.webhook.endpoint import Endpoint, name_of, read_endpoints
from consumers.webhook.sender import Sender, open_sender
from consumers.webhook.signing import signed
from consumers.webhook.verdict import judge
from telemetry.core.backoff import Schedule
from telemetry.core.carrier import Carrier, Closed, Errand, Terms
from telemetry.core.clock import Clock
from telemetry.core.outcome import Outcome, Parked
from telemetry.courier.service import Surroundings
from telemetry.store.endpoints import COLLECTION, Endpoints


class WebhookCarrier(Carrier):
    """Posts deliveries to their endpoints."""

    beside: Sequence[str] = (COLLECTION,)

    def __init__(self, directory: Directory, rows: Endpoints, sender: Sender, clock: Clock, schedule: Schedule) -> None:
        self._directory = directory
        self._rows = rows
        self._sender = sender
        self._clock = clock
        self._schedule = schedule

    def changed(self) -> None:
        """Read the endpoints anew."""
        self._directory.forget()

    async def terms(self, destination: str) -> Terms | Closed:
        """Say what an endpoint asks for; one that is switched off or not there is closed."""
        endpoint = await self._find(destination)
        if isinstance(endpoint, Closed):
            return endpoint
        table = endpoint.table
        return Terms(table.concurrency, table.ordered, table.rate, self._schedule)

    async def carry(self, errand: Errand) -> Outcome:
        """Send a delivery's body, signed with the secrets in use now."""
        endpoint = await self._find(errand.delivery.destination)
        if isinstance(endpoint, Closed):
            return Parked(endpoint.reason)
        text, now = errand.delivery.body["text"], self._clock.now()
        headers = signed(errand.id, now, text, endpoint.secrets_at(now))
        outcome = judge(await self._sender.send(endpoint.table.url, text, headers, errand.fresh), now)
        if not isinstance(outcome, Parked):
            return outcome
        await self._rows.disable(endpoint.name, outcome.reason)
        self._directory.forget()
        return replace(outcome, reason=_switched_off(endpoint.name, outcome.reason))

    async def _find(self, destination: str) -> Endpoint | Closed:
        name = name_of(destination)
        endpoint = (await self._directory.all()).get(name)
        if endpoint is None or endpoint.removed_at is not None:
            return Closed(f"there is no endpoint {name}; this comes back when one of that name is added")
        if endpoint.disabled is not None:
            return Closed(_switched_off(name, endpoint.disabled.reason))
        return endpoint


def _switched_off(name: str, reason: str) -> str:
    return f"the endpoint is switched off ({reason}); `tellonce webhooks enable {name}` switches it on"


@asynccontextmanager
async def open_carrier(around: Surroundings) -> AsyncIterator[WebhookCarrier]:
    """Open the carrier that the settings and the file ask for."""
    settings, connection = around.settings, around.connection
    rows = Endpoints(connection)
    directory = Directory(read_endpoints(around.config), rows, connection.clock)
    fence = Fence(settings.webhook_allow)
    async with open_sender(fence, settings.carry_timeout) as sender:
        yield WebhookCarrier(directory, rows, sender, connection.clock, Schedule(settings.webhook_schedule))
