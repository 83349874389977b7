"""A transaction that was taken back: nothing is written in it any more, nor beside it."""

import re

import anyio
import pytest
from pymongo import monitoring

from telemetry.core.errors import ConflictError
from telemetry.store.client import Connection, connect
from telemetry.store.commands import Session
from telemetry.store.transaction import Transaction
from tests.until import until

BUSY = 1.0


class Asked(monitoring.CommandListener):
    """Notes which commands have been asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.names.add(event.command_name)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


async def test_what_was_asked_for_before_and_leaves_after_does_not_stand_by_itself(
    mongodb_uri: str, database: str, connection: Connection
) -> None:
    """
    A cancelled call goes on in the driver: here it waits for the one connection there is.
    """
    asked = Asked()

    async def is_busy() -> bool:
        return "getMore" in asked.names

    await connection["deeds"].insert_one({"_id": "earlier"})
    async with connect(_narrow(mongodb_uri), database, listeners=[asked]) as narrow:
        transaction = await Transaction(narrow).open()
        busy = narrow["deeds"].watch(max_await_time_ms=int(BUSY * 1000))
        async with busy as stream, anyio.create_task_group() as group:
            group.start_soon(stream.try_next)
            await until(is_busy)
            with anyio.move_on_after(BUSY / 10):
                await narrow["deeds"].insert_one({"_id": "late"}, session=transaction.session)
            await transaction.abort()
        # Whatever waited for the connection has had it by now.
        assert 1 == await narrow["deeds"].count_documents({})
        await transaction.close()
    assert ["earlier"] == [row["_id"] async for row in connection["deeds"].find({})]


def _narrow(uri: str) -> str:
    plain = re.sub(r"maxPoolSize=\d+&?", "", uri).rstrip("&?")
    return f"{plain}{'&' if '?' in plain else '/?'}maxPoolSize=1".replace("//?", "/?")


async def test_it_is_not_completed_without_what_was_written_in_it(connection: Connection) -> None:
    transaction = await Transaction(connection).open()
    await connection["deeds"].insert_one({"_id": "effect"}, session=transaction.session)
    await transaction.abort()

    async def write(session: Session) -> bool:
        await connection["deeds"].insert_one({"_id": "completion"}, session=session)
        return True

    with pytest.raises(ConflictError):
        await transaction.commit(write)
    assert 0 == await connection["deeds"].count_documents({})
