"""Audiences: versions that never change, published at once or not at all."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from telemetry.core.audience import DESTINATIONS
from telemetry.core.errors import ConfigurationError, TellonceError
from telemetry.store.audiences import Audiences
from telemetry.store.client import Connection
from telemetry.store.commands import chunks
from telemetry.store.drafts import KEPT_FOR, Draft, Drafts


async def written(connection: Connection, name: str, *members: str, page: int = 3) -> Draft:
    drafts = Drafts(connection)
    draft = await drafts.begin(name)
    for some in chunks(sorted(members), page):
        await drafts.add(draft, some)
    return draft


async def published(connection: Connection, name: str, *members: str, includes: Sequence[str] = ()) -> None:
    draft = await written(connection, name, *members)
    assert await Drafts(connection).publish(draft, len(members), includes)
    await Drafts(connection).clean(draft)


async def resolved(connection: Connection, *names: str, kinds: Sequence[str] = DESTINATIONS) -> list[str]:
    audiences = Audiences(connection)
    return [member async for member in audiences.members(await audiences.pin(names), kinds)]


async def test_each_member_is_given_once_and_in_order_however_many_ways_it_is_reached(connection: Connection) -> None:
    await published(connection, "bottom", "discord:5", "discord:1", "discord:3")
    await published(connection, "left", "discord:3", "discord:2", includes=["bottom"])
    await published(connection, "right", "discord:4", "discord:2", includes=["bottom"])
    await published(connection, "top", includes=["left", "right"])

    assert ["discord:1", "discord:2", "discord:3", "discord:4", "discord:5"] == await resolved(connection, "top")
    assert await resolved(connection, "top") == await resolved(connection, "right", "left", "top", "left")
    assert {"top": 1, "left": 1, "right": 1, "bottom": 1} == await Audiences(connection).pin(["top"])


async def test_members_are_given_by_their_kind(connection: Connection) -> None:
    await published(connection, "a", "discord:1", "discord-user:1", "webhook:1")

    assert ["discord-user:1", "discord:1"] == await resolved(connection, "a", kinds=["discord", "discord-user"])
    assert ["webhook:1"] == await resolved(connection, "a", kinds=["webhook"])
    assert [] == await resolved(connection, "a", kinds=[])


async def test_reading_goes_on_behind_any_member(connection: Connection) -> None:
    members = [f"discord:{number}" for number in range(10, 30)]
    await published(connection, "a", *members[::2], *members[:6])
    await published(connection, "b", *members)
    audiences = Audiences(connection)
    pinned = await audiences.pin(["a", "b"])

    for place, member in enumerate(members):
        rest = [one async for one in audiences.members(pinned, ["discord"], after=member)]
        assert members[place + 1 :] == rest


async def test_a_draft_that_is_never_published_changes_nothing_and_is_cleaned_by_the_next(
    connection: Connection,
) -> None:
    await published(connection, "a", "discord:1")
    await written(connection, "a", "discord:2", "discord:3")  # killed here

    assert ["discord:1"] == await resolved(connection, "a")

    await published(connection, "a", "discord:4")
    assert ["discord:4"] == await resolved(connection, "a")
    assert 0 == await connection["members"].count_documents({"members": "discord:2"})


async def test_of_two_that_write_at_once_the_one_that_began_last_is_published(connection: Connection) -> None:
    drafts = Drafts(connection)
    first = await drafts.begin("a")
    await drafts.add(first, ["discord:1", "discord:3"])
    second = await drafts.begin("a")
    await drafts.add(second, ["discord:2"])
    await drafts.add(first, ["discord:5"])

    assert not await drafts.publish(first, 3, [])
    assert await drafts.publish(second, 1, [])
    assert not await drafts.publish(first, 3, [])
    assert ["discord:2"] == await resolved(connection, "a")


async def test_what_a_late_writer_leaves_after_the_cleaning_is_cleaned_by_the_next(connection: Connection) -> None:
    drafts = Drafts(connection)
    late = await drafts.begin("a")
    await published(connection, "a", "discord:2")
    await drafts.add(late, ["discord:1"])  # and it is killed

    await published(connection, "a", "discord:2")
    assert 0 == await connection["members"].count_documents({"members": "discord:1"})


async def test_publishing_again_after_a_broken_connection_is_no_other_answer(connection: Connection) -> None:
    await published(connection, "a", "discord:1")
    draft = await written(connection, "a", "discord:2")

    assert await Drafts(connection).publish(draft, 1, [])
    assert await Drafts(connection).publish(draft, 1, [])
    row = await connection["audiences"].find_one({"_id": "a"})
    assert row is not None
    assert [1] == [past["version"] for past in row["past"]]


async def test_a_version_that_was_pinned_stays_while_others_are_published(connection: Connection) -> None:
    audiences = Audiences(connection)
    await published(connection, "a", "discord:1", "discord:2")
    pinned = await audiences.pin(["a"])
    await published(connection, "a", "discord:3")
    await published(connection, "a", "discord:4")

    assert ["discord:1", "discord:2"] == [one async for one in audiences.members(pinned, ["discord"])]
    assert ["discord:4"] == await resolved(connection, "a")


async def test_a_version_that_was_replaced_long_ago_is_gone_and_is_not_taken_for_an_empty_one(
    connection: Connection,
) -> None:
    audiences = Audiences(connection)
    await published(connection, "a", "discord:1")
    pinned = await audiences.pin(["a"])
    await published(connection, "a", "discord:2")
    long_ago = connection.clock.now() - KEPT_FOR - timedelta(seconds=1)
    await connection["audiences"].update_one({"_id": "a"}, {"$set": {"past.0.at": long_ago}})
    await published(connection, "a", "discord:3")

    assert 0 == await connection["members"].count_documents({"members": "discord:1"})
    with pytest.raises(TellonceError, match="audience 'a': version 1 was replaced and is gone by now"):
        _ = [one async for one in audiences.members(pinned, ["discord"])]


async def test_an_audience_that_is_not_there_is_named_nested_or_not(connection: Connection) -> None:
    await published(connection, "a", "discord:1", includes=["b"])
    for names in (["a"], ["b"]):
        with pytest.raises(ConfigurationError, match="there is no audience 'b'; `tellonce audience set b FILE`"):
            await Audiences(connection).pin(names)


async def test_audiences_that_hold_each_other_are_resolved_all_the_same(connection: Connection) -> None:
    await published(connection, "a", "discord:1", includes=["b"])
    await published(connection, "b", "discord:2", includes=["a", "b"])

    assert ["discord:1", "discord:2"] == await resolved(connection, "a")


async def test_one_that_was_removed_and_made_again_has_another_version(connection: Connection) -> None:
    audiences = Audiences(connection)
    await published(connection, "a", "discord:1")
    pinned = await audiences.pin(["a"])
    (audience,) = await audiences.all()

    assert await audiences.remove(audience)
    assert not await audiences.remove(audience)
    assert [] == await audiences.all()
    assert ["discord:1"] == [one async for one in audiences.members(pinned, ["discord"])]

    await published(connection, "a", "discord:2")
    assert {"a": 2} == await audiences.pin(["a"])
    assert ["discord:1"] == [one async for one in audiences.members(pinned, ["discord"])]


async def test_a_draft_does_not_bring_back_what_was_removed_meanwhile(connection: Connection) -> None:
    audiences = Audiences(connection)
    await published(connection, "a", "discord:1")
    draft = await written(connection, "a", "discord:2")
    await audiences.remove((await audiences.all())[0])

    assert not await Drafts(connection).publish(draft, 1, [])
    assert [] == await audiences.all()


async def test_who_includes_one_is_known(connection: Connection) -> None:
    await published(connection, "a", "discord:1")
    await published(connection, "b", includes=["a"])

    assert ["b"] == await Audiences(connection).holders("a")
    assert [] == await Audiences(connection).holders("b")
