"""Each fact's trace has a beginning, whoever made the fact: what hangs below nothing is found by nobody."""

from datetime import timedelta

from telemetry.core.delivery import Signal
from telemetry.core.step import Step
from telemetry.core.timing import Once
from telemetry.courier.publishing import Publishing
from telemetry.store.client import Connection
from telemetry.store.completions import Completion, Completions
from telemetry.store.events import Events
from telemetry.store.registry import Registry
from telemetry.watcher.alarm import Alarm
from tests.facts import an_event
from tests.timed import add, an_entry
from tests.watcher.test_alarm import AT_ONCE, gone_wrong, well
from tests.watcher.test_timetable import one_round, told


async def test_what_a_schedule_makes_begins_its_trace(connection: Connection, steps: list[Step]) -> None:
    await add(connection, "once", an_entry(Once(connection.clock.now() - timedelta(hours=1))), asleep=86400)
    await one_round(connection)
    (event,) = await told(connection, "once")
    assert [("schedule", event.key, event.receipt, True)] == seen(steps)


async def test_an_alert_begins_its_trace(connection: Connection, steps: list[Step]) -> None:
    await Registry(connection).register("discord")
    await gone_wrong(connection, Signal.PARK, "sign_up:u1")
    await Alarm(connection, AT_ONCE, well).look()
    ((name, key, _, first),) = seen(steps)
    assert ("alert", "tellonce.alert:parked%3Adiscord#1", True) == (name, key, first)


async def test_what_a_handler_emits_begins_its_trace_once(connection: Connection, steps: list[Step]) -> None:
    publishing = Publishing(Completions(connection, "h"), Events(connection), connection.clock)
    event = an_event("winner_found:u1")
    for receipt in ("r1", "r2"):
        await publishing.publish(Completion("c|h:1", 0, 1, [an_event(event.key, receipt=receipt)]))
    assert [("emit", event.key, "r1", True)] == seen(steps)


def seen(steps: list[Step]) -> list[tuple[str, str, str, bool]]:
    return [(step.name, step.key, step.receipt, step.first) for step in steps]
