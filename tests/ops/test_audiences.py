"""Setting audiences: all of it or nothing, whoever else is at it."""

import tracemalloc
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import anyio
import pytest

from telemetry.core.audience import DESTINATIONS
from telemetry.core.errors import ConfigurationError, TellonceError, UnavailableError
from telemetry.ops.audiences import PAGE, Gathered, Put, find, put, remove
from telemetry.store.audiences import Audiences
from telemetry.store.client import Connection, connect
from telemetry.store.drafts import MEANT_FOR, Drafts
from tests.bench.tally import Tally, difference


async def set_audience(
    connection: Connection, name: str, members: Iterable[str], *, at_once: int = 1000, **how: Any
) -> Put:
    """Set an audience as its verb does."""
    with ExitStack() as room:
        return await put(connection, name, Gathered(members, room, at_once), **how)


def channels(count: int, first: int = 10**17) -> Iterator[str]:
    return (f"discord:{first + number}" for number in range(count))


async def members(connection: Connection, name: str) -> list[str]:
    audiences = Audiences(connection)
    return [member async for member in audiences.members(await audiences.pin([name]), DESTINATIONS)]


async def test_it_says_what_it_came_to(connection: Connection) -> None:
    await set_audience(connection, "b", ["discord:3"])
    done = await set_audience(connection, "a", ["discord:2", "discord:1", "audience:b", "discord:2", "audience:b"])

    assert Put("a", 1, 2, ["b"], 2) == done
    assert ["discord:1", "discord:2", "discord:3"] == await members(connection, "a")


async def test_twenty_thousand_take_bounded_memory_and_few_commands(
    connection: Connection, mongodb_uri: str, database: str
) -> None:
    """
    A hundred thousand take five times as many commands and the same memory.
    """
    tally, count = Tally(), 0
    async with connect(mongodb_uri, database, listeners=[tally]) as counted:
        audiences = Audiences(counted)
        before = tally.counts()
        tracemalloc.start()
        await set_audience(counted, "a", channels(20_000))
        async for _ in audiences.members(await audiences.pin(["a"]), ["discord"]):
            count += 1
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        asked = difference(tally.counts(), before)

    assert 20_000 == count
    assert {"insert members": 40} == {name: n for name, n in asked["documents"].items() if name.startswith("insert")}
    assert sum(asked["commands"].values()) < 80
    # All of them as text would be 1.3 MB and more.
    assert most < 1_000_000


class KilledError(BaseException):
    """Stands in for the end of the process: nothing is tidied up."""


@pytest.mark.parametrize("pages", [1, 2, 3])
async def test_killed_at_any_page_nothing_has_changed_and_the_next_setting_cleans(
    connection: Connection, pages: int
) -> None:
    await set_audience(connection, "a", ["discord:1"])

    def strike(count: int) -> None:
        if count >= pages * PAGE:
            raise KilledError

    with pytest.raises(KilledError):
        await set_audience(connection, "a", channels(3 * PAGE), written=strike)
    assert ["discord:1"] == await members(connection, "a")
    assert pages + 1 == await connection["members"].count_documents({})

    await set_audience(connection, "a", ["discord:2"])
    assert ["discord:2"] == await members(connection, "a")
    assert 2 == await connection["members"].count_documents({})


async def test_where_nobody_knows_whether_it_is_published_its_members_stay(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The database takes the write and cannot say so: a failover does that.
    """
    await set_audience(connection, "a", ["discord:1"])
    publish = Drafts.publish

    async def unanswered(*said: Any) -> bool:
        assert await publish(*said)
        raise UnavailableError("the database cannot do this now")

    with monkeypatch.context() as seam:
        seam.setattr(Drafts, "publish", unanswered)
        with pytest.raises(UnavailableError):
            await set_audience(connection, "a", ["discord:2", "discord:3"])
    assert ["discord:2", "discord:3"] == await members(connection, "a")


async def test_what_is_wrong_with_a_line_is_known_before_anything_is_written(connection: Connection) -> None:
    def broken() -> Iterator[str]:
        yield "discord:1"
        raise ConfigurationError("members.txt:2: wrong")

    with pytest.raises(ConfigurationError, match=r"members.txt:2"):
        await set_audience(connection, "a", broken())
    assert 0 == await connection["audiences"].count_documents({})


async def test_no_member_at_all_is_taken_for_a_slip_unless_it_is_meant(connection: Connection) -> None:
    await set_audience(connection, "a", ["discord:1"])
    with pytest.raises(ConfigurationError, match="expected at least one member; `--empty` if none is meant"):
        await set_audience(connection, "a", [])
    assert ["discord:1"] == await members(connection, "a")

    assert Put("a", 2, 0, [], 0) == await set_audience(connection, "a", [], may_be_empty=True)
    assert [] == await members(connection, "a")


async def test_an_unknown_audience_and_a_cycle_are_refused_and_nothing_has_changed(connection: Connection) -> None:
    for name, included in (("c", "discord:1"), ("b", "audience:c"), ("a", "audience:b")):
        await set_audience(connection, name, [included])
    before = await Audiences(connection).all()

    for name, included, said in (
        ("c", "audience:a", "audience 'c' would hold itself: c → a → b → c"),
        ("c", "audience:c", "audience 'c' would hold itself: c → c"),
        ("c", "audience:d", "there is no audience 'd'; `tellonce audience set d FILE` makes it"),
        ("new", "audience:new", "audience 'new' would hold itself: new → new"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            await set_audience(connection, name, ["discord:2", included])
    assert before == await Audiences(connection).all()
    assert ["discord:1"] == await members(connection, "a")


async def test_a_cycle_that_two_would_close_between_them_is_seen_by_one_of_them(connection: Connection) -> None:
    for name in ("a", "b"):
        await set_audience(connection, name, ["discord:1"])
    refused: list[str] = []

    async def include(name: str, other: str) -> None:
        try:
            await set_audience(connection, name, [f"audience:{other}"])
        except ConfigurationError as error:
            refused.append(str(error))

    async with anyio.create_task_group() as group:
        group.start_soon(include, "a", "b")
        group.start_soon(include, "b", "a")

    assert refused
    assert not all(one.includes for one in await Audiences(connection).all())
    await members(connection, "a")


async def test_what_is_meant_by_one_that_was_killed_is_in_nobodys_way_for_long(connection: Connection) -> None:
    for name in ("a", "b"):
        await set_audience(connection, name, ["discord:1"])
    drafts = Drafts(connection)
    await drafts.mean(await drafts.begin("a"), ["b"])  # killed here

    with pytest.raises(ConfigurationError, match="b → a → b"):
        await set_audience(connection, "b", ["audience:a"])
    long_ago = connection.clock.now() - MEANT_FOR
    await connection["audiences"].update_one({"_id": "a"}, {"$set": {"meant.at": long_ago}})
    await set_audience(connection, "b", ["audience:a"])


async def test_of_several_at_once_one_is_whole_and_no_mixture_is_ever_read(connection: Connection) -> None:
    wanted = [list(channels(1200, first * 10**17)) for first in (1, 2, 3)]
    done: list[Put | None] = []

    async def setting(some: list[str]) -> None:
        try:
            done.append(await set_audience(connection, "a", some))
        except TellonceError as error:
            assert "it was set anew or removed meanwhile" in str(error)  # noqa: PT017 - the others may succeed

    async with anyio.create_task_group() as group:
        for some in wanted:
            group.start_soon(setting, some)

    assert done
    assert await members(connection, "a") in wanted
    await set_audience(connection, "a", ["discord:1"])
    await set_audience(connection, "a", ["discord:1"])
    kept = {past["version"] for row in await connection["audiences"].find().to_list(None) for past in row["past"]}
    rows = await connection["members"].find({}, {"_id": 1}).to_list(None)
    assert {int(row["_id"].partition("@")[2].partition("|")[0]) for row in rows} - kept == {
        (await find(connection, "a")).version
    }


async def test_one_that_another_includes_is_not_removed(connection: Connection) -> None:
    await set_audience(connection, "b", ["discord:1"])
    await set_audience(connection, "a", ["audience:b"])

    with pytest.raises(TellonceError, match="audience 'b': a includes it"):
        await remove(connection, await find(connection, "b"))
    await remove(connection, await find(connection, "a"))
    await remove(connection, await find(connection, "b"))
    assert [] == await Audiences(connection).all()


async def test_one_that_changed_since_it_was_looked_at_is_not_removed(connection: Connection) -> None:
    await set_audience(connection, "a", ["discord:1"])
    seen = await find(connection, "a")
    await set_audience(connection, "a", ["discord:2"])

    with pytest.raises(TellonceError, match="it was changed meanwhile"):
        await remove(connection, seen)
    with pytest.raises(ConfigurationError, match="there is no audience 'b'"):
        await find(connection, "b")
