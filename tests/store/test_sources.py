"""Sources and the hashes of their secrets."""

from datetime import timedelta

import anyio

from telemetry.core.rate import Rate
from telemetry.core.source import Source
from telemetry.store.client import Connection
from telemetry.store.endpoints import Endpoints
from telemetry.store.sources import Sources

DAY, NOTHING = timedelta(days=1), timedelta(0)


async def of(connection: Connection, name: str = "web") -> Source:
    return (await Sources(connection).all())[name]


async def taken(connection: Connection) -> list[str]:
    return [digest.value for digest in (await of(connection)).digests_at(connection.clock.now())]


async def test_a_source_is_added_once_and_the_same_command_twice_is_one(connection: Connection) -> None:
    sources = Sources(connection)
    assert await sources.add("web", "d1", Rate.parse("600/min"))
    assert await sources.add("web", "d1", Rate.parse("600/min"))
    assert not await sources.add("web", "d2", None)
    source = await of(connection)
    assert ("600/min", ["d1"]) == (str(source.rate), await taken(connection))


async def test_of_two_who_add_a_source_at_once_one_does(connection: Connection) -> None:
    done: list[bool] = []

    async def add(digest: str) -> None:
        done.append(await Sources(connection).add("web", digest, None))

    async with anyio.create_task_group() as group:
        for digest in ("d1", "d2"):
            group.start_soon(add, digest)
    assert [False, True] == sorted(done)


async def test_a_rotation_leaves_the_former_secrets_their_time_and_no_more(connection: Connection) -> None:
    sources = Sources(connection)
    assert not await sources.rotate("web", "d1", DAY)
    await sources.add("web", "d1", None)
    assert await sources.rotate("web", "d2", DAY)
    assert await sources.rotate("web", "d2", DAY)
    assert ["d2", "d1"] == await taken(connection)
    first = (await of(connection)).digests[1].until
    await sources.rotate("web", "d3", 2 * DAY)
    assert ["d3", "d2", "d1"] == await taken(connection)
    assert first == (await of(connection)).digests[2].until
    await sources.rotate("web", "d4", NOTHING)
    assert ["d4"] == await taken(connection)


async def test_two_rotations_at_once_are_two(connection: Connection) -> None:
    await Sources(connection).add("web", "d1", None)
    async with anyio.create_task_group() as group:
        for digest in ("d2", "d3"):
            group.start_soon(Sources(connection).rotate, "web", digest, DAY)
    assert {"d1", "d2", "d3"} == set(await taken(connection))


async def test_a_revoked_source_keeps_its_row_and_may_be_added_anew(connection: Connection) -> None:
    sources = Sources(connection)
    await sources.add("web", "d1", None)
    assert await sources.revoke("web")
    assert not await sources.revoke("web")
    assert not await sources.rotate("web", "d2", DAY)
    assert [] == await taken(connection)
    assert (await of(connection)).revoked_at is not None
    assert await sources.add("web", "d3", None)
    assert ((await of(connection)).revoked_at, await taken(connection)) == (None, ["d3"])


async def test_the_last_use_is_the_latest_that_anyone_noted(connection: Connection) -> None:
    sources, now = Sources(connection), connection.clock.now().replace(microsecond=0)
    await sources.used("ci", now)
    await sources.used("ci", now - DAY)
    assert (now, None) == ((await of(connection, "ci")).last_used, (await of(connection, "ci")).added_at)
    assert await sources.add("ci", "d1", None)


async def test_what_stands_in_the_way_of_a_row_is_an_answer_and_no_error(connection: Connection) -> None:
    endpoints = Endpoints(connection)
    assert await endpoints.add("crm", {}, "first")
    assert not await endpoints.add("crm", {}, "second")
    await endpoints.disable("crm", "moving")
    await endpoints.disable("crm", "again")
    (row,) = (await endpoints.all()).values()
    assert row.disabled is not None
    assert "moving" == row.disabled.reason
