"""What a watcher tells of the whole deployment."""

from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from telemetry.core.delivery import Signal
from telemetry.core.pause import Pause
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.oplog import oplog_window
from telemetry.store.pauses import Pauses
from telemetry.store.registry import Registry
from telemetry.watcher import gauges as module
from telemetry.watcher.gauges import FRESH, Gauges
from tests.facts import a_delivery, an_event


class Hands:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Say what time it is."""
        return self.now


async def asked(gauges: Gauges) -> dict[str, float]:
    """Ask as Prometheus does; give the samples by their spelling."""
    registry = CollectorRegistry()
    registry.register(gauges)
    await gauges.refresh()
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


@pytest.fixture
async def gauges(connection: Connection) -> Gauges:
    """A watcher's gauges, of a deployment with the consumer discord."""
    await Registry(connection).register("discord")
    made = Gauges(Hands())
    made.connection = connection
    return made


async def test_what_waits_is_told_by_consumer_and_state(connection: Connection, gauges: Gauges) -> None:
    now = connection.clock.now()
    await Events(connection).insert(
        [an_event("sign_up:old", due_at=now - timedelta(minutes=5)), an_event("sign_up:new", due_at=now)]
    )
    await Events(connection).insert([an_event("sign_up:later", due_at=now + timedelta(hours=1))])
    queue = Deliveries(connection, "discord")
    rows = [a_delivery(an_event(f"sign_up:u{n}")) for n in range(3)]
    await queue.offer(rows)
    await queue.settle([(rows[0].id, 0)], Signal.GIVE_UP, reason="refused")

    told = await asked(gauges)

    assert told['tellonce_events_owed{consumer="discord"}'] == 2
    assert told['tellonce_events_later{consumer="discord"}'] == 1
    assert 300 <= told['tellonce_oldest_owed_age_seconds{consumer="discord"}'] < 330
    assert told['tellonce_deliveries{consumer="discord",state="pending"}'] == 2
    assert told['tellonce_deliveries{consumer="discord",state="dead"}'] == 1


async def test_who_is_paused_is_told_until_the_pause_ends(connection: Connection, gauges: Gauges) -> None:
    sample, now = 'tellonce_consumer_paused{consumer="discord"}', connection.clock.now()
    assert (await asked(gauges))[sample] == 0
    for until, paused in ((None, 1), (now - timedelta(seconds=1), 0)):
        await Registry(connection).pause("discord", Pause("bob", now, until=until))
        again = Gauges(Hands())
        again.connection = connection
        assert (await asked(again))[sample] == paused


async def test_what_a_pause_withholds_is_told_by_consumer(connection: Connection, gauges: Gauges) -> None:
    sample, queue = 'tellonce_deliveries_withheld{consumer="discord"}', Deliveries(connection, "discord")
    assert (await asked(gauges))[sample] == 0
    rows = [a_delivery(an_event(f"sign_up:u{n}"), destination=f"discord:{n % 2}") for n in range(3)]
    await queue.offer(rows)
    await Pauses(connection).pause("discord:0", Pause("bob", connection.clock.now()))
    again = Gauges(Hands())
    again.connection = connection
    assert (await asked(again))[sample] == 2


async def test_where_nothing_is_owed_the_oldest_is_of_no_age(gauges: Gauges) -> None:
    assert (await asked(gauges))['tellonce_oldest_owed_age_seconds{consumer="discord"}'] == 0


async def test_a_count_ends_where_it_would_cost_too_much(
    connection: Connection, gauges: Gauges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_COUNTED", 3)
    now = connection.clock.now()
    await Events(connection).insert([an_event(f"sign_up:u{n}", due_at=now) for n in range(5)])
    await Deliveries(connection, "discord").offer([a_delivery(an_event(f"sign_up:u{n}")) for n in range(5)])
    told = await asked(gauges)
    assert told['tellonce_events_owed{consumer="discord"}'] == 3
    assert told['tellonce_deliveries{consumer="discord",state="pending"}'] == 3


async def test_the_database_is_asked_once_in_a_while_however_many_scrape(
    connection: Connection, gauges: Gauges
) -> None:
    hands = gauges._monotonic
    assert isinstance(hands, Hands)
    spelt = 'tellonce_events_owed{consumer="discord"}'
    assert (await asked(gauges))[spelt] == 0
    await Events(connection).insert([an_event("sign_up:u1", due_at=connection.clock.now())])
    hands.now = FRESH - 0.1
    assert (await asked(gauges))[spelt] == 0
    hands.now = FRESH
    assert (await asked(gauges))[spelt] == 1


async def test_without_a_database_nothing_is_told_rather_than_something_old(gauges: Gauges) -> None:
    hands = gauges._monotonic
    assert isinstance(hands, Hands)
    assert await asked(gauges)
    gauges.connection = None
    hands.now = FRESH
    assert await asked(gauges) == {}


async def test_how_far_back_the_oplog_reaches_is_told_where_it_can_be_read(
    connection: Connection, gauges: Gauges, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = await oplog_window(connection)
    assert window is not None
    assert (await asked(gauges))["tellonce_oplog_window_seconds"] >= window

    async def unreadable(_: Connection) -> None:
        return None

    monkeypatch.setattr(module, "oplog_window", unreadable)
    hands = gauges._monotonic
    assert isinstance(hands, Hands)
    hands.now = FRESH
    told = await asked(gauges)
    assert told
    assert "tellonce_oplog_window_seconds" not in told
