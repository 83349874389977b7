"""Rows as the earliest layout had them, and with what a later one adds, are read and carried like those of today."""

from datetime import UTC, datetime
from typing import Any

from bot.simulator.settings import COMMUNITY
from telemetry.core.clock import micros
from telemetry.core.delivery import State
from telemetry.ops.explain import explain
from telemetry.ops.standing import retry
from telemetry.ops.verify import verify
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.registry import Registry
from telemetry.store.selection import Selection
from telemetry.watcher.party import Party
from tests.bot.conftest import CHANNEL, Bench
from tests.facts import Recorder, a_delivery
from tests.watcher.conftest import make_watcher

THEN = datetime(2026, 11, 23, 12, tzinfo=UTC)
ORDER = micros(THEN)
OWED, PENDING, DEAD, PARKED, TOLD = (f"sign_up:{word}" for word in ("owed", "pending", "dead", "parked", "told"))
UNFINISHED = {PENDING: "pending", DEAD: "dead", PARKED: "parked"}


def an_event_row(key: str, **more: Any) -> dict[str, Any]:
    """Spell an event as the first ingest did."""
    return {
        "_id": key,
        "receipt": "r1",
        "event": "sign_up",
        "distinct_id": key.partition(":")[2],
        "properties": {},
        "time": THEN,
        "received_at": THEN,
        "source": "open",
        "digest": "d",
        "slot": 7,
        "order": ORDER,
        "acks": {"discord": {"at": THEN, "deliveries": 1}},
        **more,
    }


def a_delivery_row(key: str, state: str, **more: Any) -> dict[str, Any]:
    """Spell a delivery as the first watcher and the first bot did."""
    place = f"{CHANNEL}|{ORDER:020d}"
    unfinished = {} if state == "delivered" else {"ready_at": THEN, "work": f"{state}|{place}"}
    return {
        "_id": f"{key}|{CHANNEL}",
        "event": key,
        "receipt": "r1",
        "destination": CHANNEL,
        "body": {"key": key, "embed": {"title": key}},
        "order": ORDER,
        "place": place,
        "state": state,
        "claims": 0,
        "failures": 0,
        "generation": 0,
        **unfinished,
        **more,
    }


class Routed(Recorder):
    """The consumer `discord`, with one route."""

    def plan(self, event: Any) -> Any:
        """Plan one message."""
        return [a_delivery(event, CHANNEL)]


async def write_rows(bench: Bench) -> None:
    """Leave what the first daemons left when they were stopped for the upgrade."""
    rows = bench.connection
    await rows["consumers"].insert_one({"_id": "discord", "since": THEN, "paused": False})
    await rows["events"].insert_many([an_event_row(OWED, acks={}, due_at=THEN)])
    await rows["events"].insert_many([an_event_row(key) for key in (*UNFINISHED, TOLD)])
    reasons: dict[str, dict[str, Any]] = {
        DEAD: {"reason": "no"},
        PARKED: {"reason": "forbidden", "scope": "channel"},
        PENDING: {},
    }
    await rows["discord_queue"].insert_many(
        [a_delivery_row(key, state, **reasons[key]) for key, state in UNFINISHED.items()]
    )
    await rows["discord_queue"].insert_one(a_delivery_row(TOLD, "delivered", result={"message_id": "1"}))
    block = {"reason": "forbidden", "until": THEN, "tries": 1}
    await rows["channels"].insert_one(
        {"_id": str(COMMUNITY), "holder": "first", "epoch": 1, "until": THEN, "block": block}
    )


async def test_what_waited_is_told_once_what_was_told_is_not_and_the_law_holds(bench: Bench) -> None:
    await write_rows(bench)
    party = Party(Routed("discord"), Deliveries(bench.connection, "discord"))
    _, dispatcher = make_watcher(bench.connection, [party])
    await dispatcher.dispatch(await Events(bench.connection).fetch([OWED, PENDING]))
    async with bench.bot():
        await bench.until_all(State.DELIVERED, OWED, PENDING, PARKED)
        assert 1 == await retry(bench.connection, Selection((State.DEAD,)), ["discord"])
        await bench.until_all(State.DELIVERED, DEAD)
    assert sorted([OWED, PENDING, PARKED, DEAD]) == sorted(bench.shown())
    assert (await verify(bench.connection)).holds
    assert not (await Registry(bench.connection).read())["discord"].paused


async def test_a_fact_of_then_is_explained(bench: Bench) -> None:
    await write_rows(bench)
    assert await explain(bench.connection, DEAD)


async def test_what_a_later_version_adds_to_rows_is_passed_over(bench: Bench) -> None:
    """
    So that a former version can go on with them: as a batch that was on its way, and a block.
    """
    await bench.offer("t:1", "t:2")
    bench.discord.faults.script(action="drop", when="after")
    async with bench.bot(history_settle=60, nonce_window=0.01):
        await bench.until_requests(1)
    for name in ("events", "discord_queue", "channels", "consumers"):
        await bench.connection[name].update_many({}, {"$set": {"later": {"more": 1}}})
    added = {"batch.later": 1, "block": {"reason": "forbidden", "until": THEN, "tries": 1, "later": 1}, "until": THEN}
    await bench.connection["channels"].update_many({}, {"$set": added})
    async with bench.bot(nonce_window=0.01):
        await bench.until_all(State.DELIVERED, "t:1", "t:2")
    assert ["t:1", "t:2"] == bench.shown()
