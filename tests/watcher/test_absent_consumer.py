"""What is owed only to an absent consumer is neither in the others' way nor read again every round."""

from datetime import datetime
from typing import Any

import anyio
import pytest
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from telemetry.store.client import connect
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.indexes import declared, reconcile
from telemetry.store.registry import Registry
from telemetry.watcher.party import Party
from tests.facts import Recorder, an_event
from tests.until import until
from tests.watcher.conftest import make_watcher


class Sweeps(CommandListener):
    """Notes from where each sweep reads, and how much comes back."""

    def __init__(self) -> None:
        self.since: list[datetime] = []
        self.returned: list[int] = []
        self._asked: set[int] = set()

    def started(self, event: CommandStartedEvent) -> None:
        query: Any = event.command.get("filter", {})
        if event.command_name == "find" and "$lt" in query.get("due_at", ()):
            self.since.append(query["due_at"]["$gte"])
            self._asked.add(event.request_id)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        if event.request_id in self._asked:
            self.returned.append(len(event.reply["cursor"]["firstBatch"]))

    def failed(self, event: CommandFailedEvent) -> None:
        raise AssertionError(event.failure)


async def serve_beside_an_absent_consumer(uri: str, database: str, piled_up: int) -> None:
    sweeps, recorder = Sweeps(), Recorder()
    async with connect(uri, database, listeners=[sweeps]) as connection:
        await reconcile(connection, declared(["recorder"]))
        for name in ("recorder", "absent"):
            await Registry(connection).register(name)
        events = Events(connection)
        for start in range(0, piled_up, 1000):
            keys = [f"sign_up:u{n:06}" for n in range(start, min(start + 1000, piled_up))]
            await events.insert([an_event(key) for key in keys])
            await events.ack({key: {"recorder": 1} for key in keys}, ["recorder", "absent"])
        parties = [Party(recorder, Deliveries(connection, "recorder"))]
        watcher, _ = make_watcher(connection, parties, sweep_every=0.2)
        async with anyio.create_task_group() as group:
            group.start_soon(watcher.run)

            async def swept_twice_more(seen: int) -> bool:
                return len(sweeps.returned) >= seen + 2

            await until(lambda: swept_twice_more(0))
            # The first pass has read to the end of what has piled up; from now on nothing of it is touched.
            before = len(sweeps.returned)
            fresh = connection.clock.now().replace(microsecond=0)
            await events.insert([an_event("sign_up:fresh", due_at=fresh)])

            async def is_acked() -> bool:
                event = await events.get("sign_up:fresh")
                return event is not None and "recorder" in event.acks

            await until(is_acked)
            await until(lambda: swept_twice_more(before))
            group.cancel_scope.cancel()
        assert piled_up + 1 == await events.count_owed("absent")
    assert ["sign_up:fresh"] == recorder.planned
    assert min(sweeps.since[-2:]) > an_event().due_at  # type: ignore[operator]
    assert max(sweeps.returned[before:]) <= 1


async def test_the_others_are_served_and_rounds_stay_small(mongodb_uri: str, database: str) -> None:
    await serve_beside_an_absent_consumer(mongodb_uri, database, 1000)


@pytest.mark.slow
async def test_the_others_are_served_and_rounds_stay_small_behind_forty_thousand_events(
    mongodb_uri: str, database: str
) -> None:
    await serve_beside_an_absent_consumer(mongodb_uri, database, 40_000)
