from dataclasses import replace
from datetime import timedelta

import pytest

from telemetry.core.errors import UnavailableError
from telemetry.core.event import Event
from telemetry.store.client import Connection
from telemetry.store.events import Events
from tests.facts import LONG_AGO, an_event


async def stored(connection: Connection, key: str) -> Event:
    event = await Events(connection).get(key)
    assert event is not None
    return event


async def test_a_new_event_is_stored_as_it_was_and_blocks_nothing(connection: Connection) -> None:
    event = replace(an_event(), properties={"$set": {"a.b": [1, {"%24": None, "": "x"}]}})

    assert await Events(connection).insert([event]) == {}
    assert event == await stored(connection, event.key)


async def test_a_taken_key_answers_with_the_row_that_took_it(connection: Connection) -> None:
    first, second = an_event(receipt="r1", plan="pro"), an_event(receipt="r2", plan="free")
    await Events(connection).insert([first])

    assert {first.key: first} == await Events(connection).insert([second, an_event("sign_up:u2")])
    assert (await stored(connection, first.key)).properties == {"plan": "pro"}
    assert (await stored(connection, "sign_up:u2")).distinct_id == "u2"


async def test_a_row_with_our_own_receipt_was_written_by_an_earlier_try_and_is_new(connection: Connection) -> None:
    event = an_event(receipt="r1")
    await Events(connection).insert([event])

    assert await Events(connection).insert([event]) == {}


async def test_a_key_that_is_blocked_by_a_row_nobody_can_read_yet_proves_nothing(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The row that answers 11000 may be rolled back by a failover before a majority has it.
    """
    events = Events(connection)
    await events.insert([an_event(receipt="r1")])

    async def nothing_committed(_keys: object) -> dict[str, Event]:
        return {}

    monkeypatch.setattr(events, "_behind", nothing_committed)
    with pytest.raises(UnavailableError):
        await events.insert([an_event(receipt="r2")])


async def test_an_event_is_settled_when_every_registered_consumer_has_acked(connection: Connection) -> None:
    events = Events(connection)
    await events.insert([an_event()])

    await events.ack({"sign_up:u1": {"a": 1}}, ["a", "b"])
    assert (await stored(connection, "sign_up:u1")).due_at is not None
    await events.ack({"sign_up:u1": {"b": 0}}, ["a", "b"])
    settled = await stored(connection, "sign_up:u1")
    assert settled.due_at is None
    assert {name: ack.deliveries for name, ack in settled.acks.items()} == {"a": 1, "b": 0}


async def test_an_ack_that_is_there_stands(connection: Connection) -> None:
    events = Events(connection)
    await events.insert([an_event()])
    await events.ack({"sign_up:u1": {"a": 3}}, ["a"])
    first = (await stored(connection, "sign_up:u1")).acks["a"]

    await events.ack({"sign_up:u1": {"a": 1}}, ["a"])
    assert first == (await stored(connection, "sign_up:u1")).acks["a"]


async def test_an_empty_registry_settles_nothing(connection: Connection) -> None:
    events = Events(connection)
    await events.insert([an_event()])

    await events.ack({"sign_up:u1": {"a": 1}}, [])
    assert (await stored(connection, "sign_up:u1")).due_at is not None


async def test_owed_events_come_by_due_time_and_only_those_in_the_range(connection: Connection) -> None:
    events = Events(connection)
    later = [an_event(f"sign_up:u{n}", due_at=LONG_AGO + timedelta(seconds=n)) for n in range(10)]
    await events.insert(list(reversed(later)))

    owed = await events.owed(LONG_AGO + timedelta(seconds=2), LONG_AGO + timedelta(seconds=8), "a", 3)
    assert later[2:5] == owed
    assert LONG_AGO == await events.oldest_owed()


async def test_what_only_another_consumer_lacks_is_not_read(connection: Connection) -> None:
    events = Events(connection)
    await events.insert([an_event("sign_up:u1"), an_event("sign_up:u2")])
    await events.ack({"sign_up:u1": {"a": 1}}, ["a", "absent"])

    owed = await events.owed(LONG_AGO, LONG_AGO + timedelta(seconds=1), "a", 100)
    assert [event.key for event in owed] == ["sign_up:u2"]


async def test_an_alias_blocks_its_key_on_behalf_of_the_event_behind_it(connection: Connection) -> None:
    events = Events(connection)
    old = an_event("sign_up:u1")
    await events.insert([old])
    await events.add_aliases({"sign_up:u1:pro": "sign_up:u1"})
    assert await events.get("sign_up:u1:pro") is None

    assert {"sign_up:u1:pro": old} == await events.insert([an_event("sign_up:u1:pro", receipt="r2")])
    assert [old] == await events.fetch(["sign_up:u1", "sign_up:u1:pro"])


async def test_an_alias_whose_event_was_forgotten_blocks_nothing_for_long(connection: Connection) -> None:
    events = Events(connection)
    await events.add_aliases({"sign_up:u1:pro": "sign_up:u1"})
    fresh = an_event("sign_up:u1:pro")

    with pytest.raises(UnavailableError):
        await events.insert([fresh])
    assert {} == await events.insert([fresh])
    assert fresh == await stored(connection, "sign_up:u1:pro")
