"""The carrier of a handler's queue: it calls the function, and says what that came to."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio.lowlevel

from consumers.handler.context import Context
from consumers.handler.emission import LARGEST, Emissions
from consumers.handler.occasion import Occasion, occasion_from
from consumers.handler.registration import Registration, Reject
from telemetry.core.carrier import Carrier, Errand, Terms
from telemetry.core.outcome import Completed, Dead, Outcome
from telemetry.courier.service import Surroundings
from telemetry.ingest.values import Flaw, check_value
from telemetry.runtime.logs import get_logger
from telemetry.store.client import Connection

log = get_logger(__name__)

LONGEST_REASON = 500


class HandlerCarrier(Carrier):
    """Calls one handler."""

    def __init__(self, handler: Registration, connection: Connection) -> None:
        self._handler = handler
        self._connection = connection

    async def terms(self, destination: str) -> Terms:  # noqa: ARG002 - a handler is one destination
        """Say what the handler asks for."""
        return self._handler.terms

    async def carry(self, errand: Errand) -> Outcome:
        """Call the handler; what it raises is a failed try, unless it says that every other one would be too."""
        handler, delivery = self._handler, errand.delivery
        emissions = Emissions(handler.name, delivery, self._connection.clock.now())
        event = occasion_from(delivery.body)
        telling = log.bind(handler=handler.name, event_key=event.key, attempt=delivery.claims)
        context = Context(
            event, errand.id, delivery.claims, self._connection.database, telling, await errand.unit(), emissions
        )
        try:
            returned = await self._call(event, context)
        except Reject as refusal:
            return Dead(_reason(refusal))
        return Completed(_result(returned, telling), emissions.events(errand.id, self._connection.clock.now()))

    async def _call(self, event: Occasion, context: Context) -> Any:
        """Call the function; what would end more than this try is an error of its own."""
        try:
            return await self._handler.function(event, context)
        except SystemExit as error:
            raise RuntimeError(f"it wanted to end its process: {error!r}") from error
        except anyio.get_cancelled_exc_class() as error:
            # Where it is we who cancel the call, this goes on.
            await anyio.lowlevel.checkpoint_if_cancelled()
            raise RuntimeError("it waited for something that was cancelled") from error


class OpenHandler:
    """Opens the carrier of one handler."""

    def __init__(self, handler: Registration) -> None:
        self.source = handler.source
        self._handler = handler

    @asynccontextmanager
    async def __call__(self, around: Surroundings) -> AsyncIterator[HandlerCarrier]:
        """Open it; there is nothing to close."""
        yield HandlerCarrier(self._handler, around.connection)


def _reason(refusal: Reject) -> str:
    """Spell why a handler rejects so that it can be kept."""
    said = str(refusal)[:LONGEST_REASON].encode("utf-8", "backslashreplace").decode()
    return said or "rejected by the handler"


def _result(returned: Any, telling: Any) -> Mapping[str, Any]:
    """Give what is kept of what a handler returned; its work is done, whatever that is."""
    if not isinstance(returned, Mapping):
        return {}
    try:
        kept: dict[str, Any] = json.loads(json.dumps(dict(returned)))
        check_value(kept, LARGEST)
    except (Flaw, TypeError, ValueError, RecursionError) as error:
        telling.warning("handler.result_dropped", why=str(error))
        return {}
    return kept
