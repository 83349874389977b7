"""A channel's row can be written only as it was read."""

from datetime import timedelta

import anyio

from telemetry.store.channels import Batch, Block, Channels
from telemetry.store.client import Connection


def batch(connection: Connection, *members: str) -> Batch:
    now = connection.clock.now()
    return Batch(tuple((name, 0) for name in members), "-".join(members), "bot", now, now, now)


async def test_a_row_that_another_holds_cannot_be_recorded_on(connection: Connection) -> None:
    channels = Channels(connection)
    known = await channels.read("1")
    assert await channels.record(known, "a", batch(connection, "x"), 60)
    assert await channels.record(known, "b", batch(connection, "y"), 60) is None
    assert await channels.record(await channels.read("1"), "b", batch(connection, "y"), 60) is None


async def test_a_row_whose_lease_has_lapsed_can_be_taken_over(connection: Connection) -> None:
    channels = Channels(connection)
    first = await channels.record(await channels.read("1"), "a", batch(connection, "x"), 0.001)
    await anyio.sleep(0.05)
    second = await channels.record(await channels.read("1"), "b", batch(connection, "y"), 60)
    assert first is not None
    assert second is not None
    assert await channels.record(first, "a", batch(connection, "z"), 60) is None


async def test_a_row_that_its_own_holder_has_recorded_on_since_is_not_the_row_that_was_read(
    connection: Connection,
) -> None:
    """
    A slow successor knows the lapsed holder's old batch; of the new one, which may be on its way, it knows nothing.
    """
    channels = Channels(connection)
    await channels.record(await channels.read("1"), "a", batch(connection, "x"), 0.001)
    await anyio.sleep(0.05)
    read_by_the_successor = known = await channels.read("1")
    await channels.record(known, "a", batch(connection, "y"), 0.001)
    await anyio.sleep(0.05)

    assert await channels.record(read_by_the_successor, "b", batch(connection, "x"), 60) is None
    row = await channels.read("1")
    assert row.batch is not None
    assert "y" == row.batch.nonce


async def test_a_holder_that_goes_on_need_not_read_the_row_again(connection: Connection) -> None:
    channels = Channels(connection)
    first = await channels.record(await channels.read("1"), "a", batch(connection, "x"), 60)
    assert first is not None
    second = await channels.record(first, "a", batch(connection, "y"), 60)
    assert second is not None
    assert second.until - first.until < timedelta(seconds=60)
    assert await channels.record(first, "a", batch(connection, "z"), 60) is None


async def test_what_looks_through_the_channels_leaves_users_out(connection: Connection) -> None:
    channels, now = Channels(connection), connection.clock.now()
    for name in ("1", "@1", "9", "@9"):
        await channels.read(name)
        await channels.block(name, Block("forbidden", now, 1))
    assert ["1", "9"] == [row.id for row in await channels.all()]
    assert ["1", "9"] == sorted(await channels.probeable())
    assert ["1", "@9"] == [row.id for row in await channels.of(["1", "@9", "@none"])]


async def test_letting_go_touches_only_what_is_held_still(connection: Connection) -> None:
    channels = Channels(connection)
    await channels.record(await channels.read("@1"), "a", batch(connection, "x"), 0.001)
    await channels.record(await channels.read("@2"), "a", batch(connection, "y"), 60)
    await anyio.sleep(0.05)
    lapsed, held = await channels.of(["@1", "@2"])
    await channels.release("a")
    found = await channels.of(["@1", "@2"])
    assert lapsed == found[0]
    assert found[1].until <= connection.clock.now() < held.until
