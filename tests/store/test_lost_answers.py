"""An operator's command is written once, though the answer of its first try is lost: it says what it did."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import anyio
import pytest
from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo.errors import AutoReconnect

from telemetry.core.run import RunState
from telemetry.ops.audiences import find, remove
from telemetry.ops.runs import Operator, Verb, act
from telemetry.ops.target import RunTarget
from telemetry.store.audiences import Audiences
from telemetry.store.client import Connection
from telemetry.store.endpoints import Endpoints
from tests.audiences import an_audience
from tests.watcher.fan_outs import KEY, Caller, a_run

ANNA = Operator("anna", "lunch")
TOLD = {"url": "https://example.com/", "events": ["*"]}
DAY = timedelta(days=1)
Lose = Callable[[], None]


@pytest.fixture
def lose(monkeypatch: pytest.MonkeyPatch) -> Lose:
    """Have the answer to the next update lost, after it was done."""
    update, lost = AsyncIOMotorCollection.update_one, list[int]()

    async def losing(self: Any, *args: Any, **options: Any) -> Any:
        result = await update(self, *args, **options)
        if lost:
            lost.clear()
            raise AutoReconnect("the answer is lost")
        return result

    monkeypatch.setattr(AsyncIOMotorCollection, "update_one", losing)
    return lambda: lost.append(1)


async def test_a_run_that_is_paused_resumed_and_cancelled(connection: Connection, lose: Lose) -> None:
    await a_run(connection, Caller(), 3)
    for verb, state in (
        (Verb.PAUSE, RunState.PAUSED),
        (Verb.RESUME, RunState.RUNNING),
        (Verb.PAUSE, RunState.PAUSED),
        (Verb.RESUME, RunState.RUNNING),
        (Verb.CANCEL, RunState.PARTIAL),
    ):
        lose()
        (run,) = await act(connection, verb, RunTarget(KEY), ANNA)
        assert state is run.state


async def test_an_audience_that_is_removed(connection: Connection, lose: Lose) -> None:
    await an_audience(connection, "a", ["discord:1"])
    seen = await find(connection, "a")
    lose()
    await remove(connection, seen)
    assert [] == await Audiences(connection).all()
    (row,) = await connection["audiences"].find({}).to_list(None)
    assert [seen.version] == [past["version"] for past in row["past"]]


async def test_an_endpoint_that_is_added_and_given_a_new_secret(connection: Connection, lose: Lose) -> None:
    """
    A secret that is in force and was never shown would have everything refused.
    """
    endpoints = Endpoints(connection)
    lose()
    assert await endpoints.add("crm", TOLD, "first")
    assert not await endpoints.add("crm", TOLD, "another")
    lose()
    assert await endpoints.rotate("crm", "second", DAY)
    assert ["second", "first"] == [secret.value for secret in (await endpoints.all())["crm"].secrets]


async def test_of_two_who_rotate_at_once_each_has_a_secret_that_holds(connection: Connection) -> None:
    endpoints = Endpoints(connection)
    await endpoints.add("crm", TOLD, "first")
    async with anyio.create_task_group() as group:
        for secret in ("annas", "bertas"):
            group.start_soon(endpoints.rotate, "crm", secret, DAY)
    secrets = (await endpoints.all())["crm"].secrets
    assert {"first", "annas", "bertas"} == {secret.value for secret in secrets}
    assert [True, False, False] == [secret.until is None for secret in secrets]
