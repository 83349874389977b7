"""Alerts: what is dead, parked, or broken, told as events by the routes that name them.

Killed between an alert's event and the note of it, the next watcher makes the same event again, under the same key.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace

import anyio

from telemetry.core.alert import ALERT, Finding, Terms, Told, Trouble, alert, judge
from telemetry.core.delivery import State
from telemetry.core.errors import TellonceError, UnavailableError
from telemetry.runtime.logs import get_logger
from telemetry.runtime.tracing import trace_made
from telemetry.store.alerts import Alerts, row_name
from telemetry.store.backlog import MOST_COUNTED
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.registry import Registry

log = get_logger(__name__)

# How long something may be wrong before anybody hears of it.
LOOK_EVERY = 60.0
PROOF = "proof|"
STATES: Mapping[Trouble, State] = {Trouble.DEAD: State.DEAD, Trouble.PARKED: State.PARKED}

# Counts what breaks the conservation law, and says one of it.
Proof = Callable[[Connection], Awaitable[tuple[int, str]]]


class Alarm:
    """Looks for trouble, and tells what is new of it."""

    def __init__(self, connection: Connection, terms: Terms, prove: Proof | None) -> None:
        self._connection = connection
        self._alerts = Alerts(connection)
        self._events = Events(connection)
        self._terms = terms
        self._prove = prove

    async def run(self) -> None:
        """Look, and again every so often, until cancelled; raise UnavailableError without a database."""
        while True:
            try:
                await self.look()
            except UnavailableError:
                raise
            except TellonceError as error:
                log.warning("alert.failed", why=str(error))
            await anyio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Tell what is new."""
        told = await self._alerts.told()
        async for finding in self._stands():
            await self._tell(finding, told)
        if (broken := await self._proven(told)) is not None:
            await self._tell(broken, told)
            # Only now: killed before, the next watcher proves it again, and tells it.
            before = told.get(PROOF, Told())
            await self._alerts.note(PROOF, before, Told(before.number + 1, broken.count, self._connection.clock.now()))

    async def _tell(self, finding: Finding, told: Mapping[str, Told]) -> None:
        name = row_name(finding.trouble, finding.consumer)
        before, now = told.get(name, Told()), self._connection.clock.now()
        after = judge(finding, before, now, self._terms.every)
        if after is None:
            return
        if after.number > before.number:
            event = alert(finding, before, after.number, now, self._connection.database.name)
            blocked = await self._events.insert([event])
            trace_made("alert", [event], blocked, now)
            # One that was killed before the note may have told it when it was less: the rest is told by the next.
            kept = await self._events.get(event.key) or event
            after = replace(after, count=int(kept.properties.get("count", after.count)))
            log.warning("alert.told", key=kept.key, text=kept.properties.get("text", event.properties["text"]))
        await self._alerts.note(name, before, after)

    async def _stands(self) -> AsyncIterator[Finding]:
        for consumer in await Registry(self._connection).read():
            queue = Deliveries(self._connection, consumer)
            for trouble, state in STATES.items():
                yield await self._count(queue, trouble, state)

    async def _count(self, queue: Deliveries, trouble: Trouble, state: State) -> Finding:
        found = await queue.count([state], most=MOST_COUNTED)
        # An alert that cannot be told is no reason for another one.
        count = found[state] and found[state] - await queue.count_of_type(ALERT, state)
        sample = await queue.first_of_other_types(ALERT, state) if count > 0 else None
        return Finding(trouble, queue.consumer, max(count, 0), f"{sample.id}: {sample.reason}" if sample else "")

    async def _proven(self, told: Mapping[str, Told]) -> Finding | None:
        before, now = told.get(PROOF, Told()), self._connection.clock.now()
        every = self._terms.prove_every
        if every is None or self._prove is None or (before.at is not None and now - before.at < every):
            return None
        count, sample = await self._prove(self._connection)
        return Finding(Trouble.BROKEN, "", count, sample)
