"""What is paused, by whom, why and until when; and what a process that carries knows of it."""

from datetime import timedelta

import pytest

from telemetry.core.pause import Pause
from telemetry.store.client import Connection, connect
from telemetry.store.pauses import KNOWN_FOR, Halts, Pauses
from telemetry.store.registry import Registry
from tests.bench.tally import Tally, answered

HOUSE = "discord:1"


def a_pause(connection: Connection, seconds: float | None = None, reason: str = "maintenance") -> Pause:
    now = connection.clock.now().replace(microsecond=0)
    return Pause("ada", now, reason, None if seconds is None else now + timedelta(seconds=seconds))


async def test_a_pause_said_twice_is_one_and_the_last_word_holds(connection: Connection) -> None:
    pauses, first, second = Pauses(connection), a_pause(connection), a_pause(connection, 60, "longer")
    for pause in (first, first, second):
        # Killed before its answer was heard, the same is said again.
        await pauses.pause(HOUSE, pause)

    assert {HOUSE: second} == await pauses.read()
    for _ in range(2):
        await pauses.resume(HOUSE)
    assert {} == await pauses.read()


async def test_a_consumers_pause_is_on_its_row_and_the_last_word_holds(connection: Connection) -> None:
    registry, pause = Registry(connection), a_pause(connection, 60)
    await registry.register("discord")

    assert not await registry.pause("nobody", pause)
    assert [True, True] == [await registry.pause("discord", pause) for _ in range(2)]
    await registry.register("discord")
    known = (await registry.read())["discord"]
    assert (True, pause) == (known.paused, known.pause)

    assert [True, True] == [await registry.resume("discord") for _ in range(2)]
    known = (await registry.read())["discord"]
    assert (False, None) == (known.paused, known.pause)


async def test_the_end_of_a_pause_needs_nobody(connection: Connection) -> None:
    await Registry(connection).register("discord")
    over = a_pause(connection, -1)
    await Registry(connection).pause("discord", over)
    await Pauses(connection).pause(HOUSE, over)

    assert not (await Registry(connection).read())["discord"].paused
    assert {} == await Pauses(connection).read()
    assert None is await Halts(connection, "discord").of(HOUSE)


async def test_one_that_was_paused_by_an_older_version_is_paused(connection: Connection) -> None:
    await Registry(connection).register("discord")
    await connection["consumers"].update_one({"_id": "discord"}, {"$set": {"paused": True}})

    assert (await Registry(connection).read())["discord"].paused


async def test_a_destination_and_all_of_a_consumer_can_be_paused(connection: Connection) -> None:
    await Registry(connection).register("discord")
    halts, pause = Halts(connection, "discord"), a_pause(connection)
    assert None is await halts.of(HOUSE)

    await Pauses(connection).pause(HOUSE, pause)
    halts.changed()
    assert pause == await halts.of(HOUSE)
    assert {HOUSE} == await halts.among([HOUSE, "discord:2"])
    assert None is await halts.whole()

    await Registry(connection).pause("discord", pause)
    halts.changed()
    assert pause == await halts.of("discord:2")
    assert pause == await halts.whole()


async def test_what_is_known_is_asked_for_again_when_it_is_a_while_old(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    halts, now = Halts(connection, "discord"), connection.clock.monotonic()
    assert None is await halts.of(HOUSE)
    await Pauses(connection).pause(HOUSE, a_pause(connection))

    assert None is await halts.of(HOUSE)
    monkeypatch.setattr(connection.clock, "monotonic", lambda: now + KNOWN_FOR + 1)
    assert None is not await halts.of(HOUSE)


async def test_what_cannot_be_asked_is_asked_again(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    halts = Halts(connection, "discord")
    await Pauses(connection).pause(HOUSE, a_pause(connection))

    async def away(_: Pauses) -> None:
        raise OSError("away")

    with monkeypatch.context() as seam:
        seam.setattr(Pauses, "read", away)
        with pytest.raises(OSError, match="away"):
            await halts.of(HOUSE)
    assert None is not await halts.of(HOUSE)


async def test_a_hundred_questions_at_once_are_two_commands(mongodb_uri: str, database: str) -> None:
    tally = Tally()
    async with connect(mongodb_uri, database, listeners=[tally]) as watched:
        halts, before = Halts(watched, "discord"), answered(tally.counts())
        for number in range(100):
            await halts.of(f"discord:{number}")
        assert answered(tally.counts()) - before <= 2
