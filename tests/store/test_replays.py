"""The next generation of a delivery, raised once an operation."""

import pytest

from telemetry.core.delivery import Delivery, Signal, State
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.replays import Replays
from tests.facts import a_delivery, an_event


class Told:
    """A delivery that was told, and what can be done to it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.queue = Deliveries(connection, "discord")
        self.replays = Replays(connection, "discord")

    async def tell(self) -> Delivery:
        """Settle it as delivered, whatever its generation is."""
        row = await self.row()
        await self.queue.settle([(row.id, row.generation)], Signal.DONE, result={"message_id": str(row.generation)})
        return await self.row()

    async def row(self) -> Delivery:
        """Read it."""
        (row,) = await self.queue.of_event("sign_up:u1")
        return row


@pytest.fixture
async def told(connection: Connection) -> Told:
    made = Told(connection)
    await made.queue.offer([a_delivery(an_event(), group="u1")])
    await made.tell()
    return made


async def test_said_twice_for_one_operation_it_is_raised_once_whatever_came_of_it_meanwhile(told: Told) -> None:
    row, at = await told.row(), await told.connection.moment()

    # Killed before its answer was heard, the process that follows says the same again.
    assert [True, True] == [await told.replays.tell_again(row, "one", at) for _ in range(2)]
    assert (1, State.PENDING) == ((await told.row()).generation, (await told.row()).state)
    await told.tell()
    assert await told.replays.tell_again(row, "one", at)

    now = await told.row()
    assert (1, State.DELIVERED, {"message_id": "1"}) == (now.generation, now.state, now.result)
    assert 1 == await told.replays.count("one")


async def test_another_operation_that_began_before_it_was_told_again_raises_nothing(told: Told) -> None:
    row, at = await told.row(), await told.connection.moment()
    await told.replays.tell_again(row, "one", at)
    assert not await told.replays.tell_again(row, "other", at)
    await told.tell()
    assert not await told.replays.tell_again(row, "other", at)

    assert await told.replays.tell_again(row, "later", await told.connection.moment())
    assert 2 == (await told.row()).generation


async def test_so_it_is_though_an_older_version_told_it_and_noted_not_when(told: Told) -> None:
    row, at = await told.row(), await told.connection.moment()
    await told.replays.tell_again(row, "one", at)
    await told.tell()
    await told.connection["discord_queue"].update_one({"_id": row.id}, {"$unset": {"since": ""}})

    assert await told.replays.tell_again(row, "one", at)
    assert not await told.replays.tell_again(row, "other", at)
    assert 1 == (await told.row()).generation


@pytest.mark.parametrize("signal", [Signal.GIVE_UP, Signal.PARK])
async def test_what_was_not_told_is_not_raised(told: Told, signal: Signal) -> None:
    other = a_delivery(an_event("sign_up:u2"))
    await told.queue.offer([other])
    await told.queue.settle([(other.id, 0)], signal, reason="refused")

    assert not await told.replays.tell_again(other, "one", await told.connection.moment())


async def test_it_waits_at_its_own_place_as_when_it_was_offered(told: Told) -> None:
    row = await told.row()
    offered = await told.connection["discord_queue"].find_one({"_id": row.id})
    assert offered is not None
    assert await told.replays.tell_again(row, "one", await told.connection.moment())
    raised = await told.connection["discord_queue"].find_one({"_id": row.id})
    assert raised is not None
    assert (offered["place"], f"pending|{offered['place']}") == (raised["place"], raised["work"])
    assert raised["line"].startswith("discord:1|")
    assert {"failures": 0, "silent": 0, "pauses": 0}.items() <= raised.items()
    assert {"result", "reason", "since"}.isdisjoint(raised)
