"""What goes wrong is told once, whoever looks and whatever is killed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from telemetry.core.alert import ALERT, Terms
from telemetry.core.delivery import Signal
from telemetry.core.event import Event
from telemetry.store.alerts import Alerts
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.registry import Registry
from telemetry.watcher.alarm import Alarm
from tests.facts import a_delivery, an_event

AT_ONCE = Terms(timedelta(0), None)
RARELY = Terms(timedelta(hours=1), None)


async def well(_: Connection) -> tuple[int, str]:
    """Find nothing broken."""
    return 0, ""


@pytest.fixture(autouse=True)
async def registered(connection: Connection) -> None:
    """A deployment with a consumer."""
    await Registry(connection).register("discord")


async def gone_wrong(connection: Connection, signal: Signal, *keys: str) -> None:
    """Have deliveries refused, or parked."""
    queue = Deliveries(connection, "discord")
    rows = [a_delivery(an_event(key)) for key in keys]
    await queue.offer(rows)
    await queue.settle([(row.id, 0) for row in rows], signal, reason="no permission")


async def alerts(connection: Connection) -> Sequence[Event]:
    """Read the alerts that are stored."""
    rows = await connection["events"].find({"event": ALERT}).sort("_id", 1).to_list(None)
    return await Events(connection).fetch([row["_id"] for row in rows])


async def look_killed_at(
    monkeypatch: pytest.MonkeyPatch, rows: type[Alerts | Events], write: str, alarm: Alarm
) -> None:
    """Look, and be killed at a write."""

    async def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rows, write, killed)
        with pytest.raises(KeyboardInterrupt):
            await alarm.look()


async def test_what_is_dead_or_parked_is_told_once_with_one_of_it(connection: Connection) -> None:
    await gone_wrong(connection, Signal.GIVE_UP, "sign_up:u1", "sign_up:u2")
    await gone_wrong(connection, Signal.PARK, "sign_up:u3")
    for _ in range(3):
        await Alarm(connection, AT_ONCE, well).look()
    dead, parked = await alerts(connection)
    assert (dead.properties["count"], parked.properties["count"]) == (2, 1)
    assert dead.properties["sample"] == "sign_up:u1|discord:1: no permission"
    assert dead.due_at is not None


async def test_where_all_is_well_nothing_is_told_or_written(connection: Connection) -> None:
    await Alarm(connection, AT_ONCE, well).look()
    assert [] == await alerts(connection)
    assert {} == await Alerts(connection).told()


async def test_more_of_it_waits_and_is_told_together(connection: Connection) -> None:
    await gone_wrong(connection, Signal.GIVE_UP, "sign_up:u1")
    await Alarm(connection, RARELY, well).look()
    await gone_wrong(connection, Signal.GIVE_UP, "sign_up:u2", "sign_up:u3")
    await Alarm(connection, RARELY, well).look()
    assert [1] == [one.properties["new"] for one in await alerts(connection)]
    await Alarm(connection, AT_ONCE, well).look()
    assert [1, 2] == [one.properties["new"] for one in await alerts(connection)]


async def test_killed_between_the_event_and_the_note_the_next_watcher_tells_nothing_again(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gone_wrong(connection, Signal.GIVE_UP, "sign_up:u1")
    await look_killed_at(monkeypatch, Alerts, "note", Alarm(connection, AT_ONCE, well))
    assert 1 == len(await alerts(connection))
    for _ in range(2):
        await Alarm(connection, AT_ONCE, well).look()
    assert 1 == len(await alerts(connection))


async def test_killed_there_what_has_come_since_is_told_by_the_next_alert(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gone_wrong(connection, Signal.GIVE_UP, "sign_up:u1")
    await look_killed_at(monkeypatch, Alerts, "note", Alarm(connection, AT_ONCE, well))
    await gone_wrong(connection, Signal.GIVE_UP, "sign_up:u2", "sign_up:u3")
    for _ in range(2):
        await Alarm(connection, AT_ONCE, well).look()
    assert [(1, 1), (3, 2)] == [(one.properties["count"], one.properties["new"]) for one in await alerts(connection)]


async def test_a_broken_law_is_told_before_it_is_noted_that_it_was_proven(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: Connection) -> tuple[int, str]:
        return 2, "a row is missing: sign_up:u1"

    daily = Terms(timedelta(0), timedelta(hours=24))
    await look_killed_at(monkeypatch, Events, "insert", Alarm(connection, daily, broken))
    await Alarm(connection, daily, broken).look()
    assert ["broken"] == [one.properties["trouble"] for one in await alerts(connection)]


async def test_what_another_watcher_noted_meanwhile_stands(connection: Connection) -> None:
    await gone_wrong(connection, Signal.GIVE_UP, "sign_up:u1")
    await Alarm(connection, AT_ONCE, well).look()
    ((name, known),) = (await Alerts(connection).told()).items()
    await gone_wrong(connection, Signal.GIVE_UP, "sign_up:u2")
    await Alarm(connection, AT_ONCE, well).look()
    newer = (await Alerts(connection).told())[name]
    await Alerts(connection).note(name, known, known)
    assert newer == (await Alerts(connection).told())[name]


async def test_once_it_is_mended_it_is_news_again(connection: Connection) -> None:
    await gone_wrong(connection, Signal.GIVE_UP, "sign_up:u1")
    await Alarm(connection, AT_ONCE, well).look()
    await Deliveries(connection, "discord").redrive({}, connection.clock.now())
    await Alarm(connection, AT_ONCE, well).look()
    await Deliveries(connection, "discord").settle([("sign_up:u1|discord:1", 0)], Signal.GIVE_UP, reason="again")
    await Alarm(connection, AT_ONCE, well).look()
    assert 2 == len(await alerts(connection))


async def test_an_alert_that_cannot_be_told_is_no_reason_for_another(connection: Connection) -> None:
    await gone_wrong(connection, Signal.GIVE_UP, f"{ALERT}:dead%3Adiscord#1")
    await Alarm(connection, AT_ONCE, well).look()
    assert [] == await alerts(connection)
    # Nor is it what an alert about something else shows.
    await gone_wrong(connection, Signal.GIVE_UP, "zero:u1")
    await Alarm(connection, AT_ONCE, well).look()
    (told,) = await alerts(connection)
    assert (1, "zero:u1|discord:1: no permission") == (told.properties["count"], told.properties["sample"])


async def test_a_broken_law_is_told_and_proven_no_more_often_than_asked(connection: Connection) -> None:
    asked = []

    async def broken(_: Connection) -> tuple[int, str]:
        asked.append(1)
        return 2, "a row is missing: sign_up:u1"

    for _ in range(2):
        await Alarm(connection, Terms(timedelta(0), timedelta(hours=24)), broken).look()
    assert 1 == len(asked)
    (told,) = await alerts(connection)
    assert "2 more deliveries are lost or invented: a row is missing: sign_up:u1" in told.properties["text"]
    await Alarm(connection, Terms(timedelta(0), timedelta(0)), broken).look()
    assert 2 == len(asked)
    assert 1 == len(await alerts(connection))
