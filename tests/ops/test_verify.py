"""The proof of the conservation law."""

import anyio

from telemetry.core.delivery import Signal, State
from telemetry.ops.judgement import Kind
from telemetry.ops.verify import SAMPLES, Report, Verification, verify
from telemetry.store.client import Connection
from tests.ops.deployment import CONSUMER, Deployment


async def verified(connection: Connection) -> Report:
    async def at_once(_: float) -> None:
        await anyio.lowlevel.checkpoint()

    return await Verification(connection, sleep=at_once).run()


async def test_the_law_holds_of_a_deployment_in_every_stage(deployment: Deployment) -> None:
    await deployment.told("sign_up:u1", "sign_up:u2")
    await deployment.take_over(await deployment.accept("sign_up:u3"), ["discord:1", "discord:2"])
    (dead,) = await deployment.take_over(await deployment.accept("badge_awarded:u1:b"))
    await deployment.queue.settle([(dead.id, 0)], Signal.GIVE_UP, reason="refused")
    await deployment.accept("sign_up:u4")

    report = await verified(deployment.connection)

    assert report.holds
    assert report.totals.accepted == {"sign_up": 4, "badge_awarded": 1}
    share = report.totals.shares["sign_up", CONSUMER]
    assert (share.owed, share.acked, share.deliveries, share.rows) == (1, 3, 4, 4)
    assert share.states == {State.DELIVERED: 2, State.PENDING: 2}
    assert report.totals.shares["badge_awarded", CONSUMER].states == {State.DEAD: 1}


async def test_an_empty_database_keeps_the_law(connection: Connection) -> None:
    assert (await verified(connection)).holds


async def test_it_is_broken_when_a_row_is_removed(deployment: Deployment) -> None:
    rows = await deployment.told("sign_up:u1", "sign_up:u2", "sign_up:u3")
    await deployment.connection["discord_queue"].delete_one({"_id": rows[1].id})

    report = await verified(deployment.connection)

    assert report.breaches == {Kind.COUNT: 1}
    assert [(one.key, one.consumer) for one in report.samples] == [("sign_up:u2", CONSUMER)]


async def test_it_is_broken_when_an_ack_is_forged(deployment: Deployment) -> None:
    await deployment.accept("sign_up:u1")
    forged = {"$set": {"acks.discord": {"at": deployment.connection.clock.now(), "deliveries": 1}}}
    await deployment.connection["events"].update_one({"_id": "sign_up:u1"}, forged)

    report = await verified(deployment.connection)

    assert report.breaches == {Kind.COUNT: 1}


async def test_it_is_broken_when_an_event_is_removed_behind_its_rows(deployment: Deployment) -> None:
    await deployment.told("sign_up:u1")
    await deployment.connection["events"].delete_one({"_id": "sign_up:u1"})

    report = await verified(deployment.connection)

    assert report.breaches == {Kind.NO_EVENT: 1}


async def test_it_is_broken_when_an_event_is_settled_past_a_registered_consumer(deployment: Deployment) -> None:
    await deployment.accept("sign_up:u1")
    await deployment.connection["events"].update_one({"_id": "sign_up:u1"}, {"$unset": {"due_at": ""}})

    report = await verified(deployment.connection)

    assert report.breaches == {Kind.UNACKED: 1}


async def test_it_is_broken_when_a_delivered_row_does_not_say_as_what(deployment: Deployment) -> None:
    (row,) = await deployment.told("sign_up:u1")
    await deployment.connection["discord_queue"].update_one({"_id": row.id}, {"$unset": {"result": ""}})

    report = await verified(deployment.connection)

    assert report.breaches == {Kind.NO_RESULT: 1}


async def test_it_is_broken_when_a_row_is_of_another_life_of_its_event(deployment: Deployment) -> None:
    (row,) = await deployment.told("sign_up:u1")
    await deployment.connection["discord_queue"].update_one({"_id": row.id}, {"$set": {"receipt": "another"}})

    report = await verified(deployment.connection)

    assert report.breaches == {Kind.RECEIPT: 1}


async def test_an_offer_without_its_ack_is_no_breach_while_the_event_is_owed(deployment: Deployment) -> None:
    (event,) = await deployment.accept("sign_up:u1")
    await deployment.take_over([event])
    await deployment.connection["events"].update_one(
        {"_id": event.key}, {"$unset": {"acks.discord": ""}, "$set": {"due_at": event.due_at}}
    )

    report = await verified(deployment.connection)

    assert report.holds
    assert report.totals.shares["sign_up", CONSUMER].offered == 1


async def test_a_consumer_that_was_registered_later_is_owed_nothing_from_before(deployment: Deployment) -> None:
    await deployment.told("sign_up:u1")
    later = {"$set": {"since": deployment.connection.clock.now().replace(year=2100), "paused": False}}
    await deployment.connection["consumers"].update_one({"_id": "recorder"}, later, upsert=True)

    assert (await verified(deployment.connection)).holds


async def test_an_event_that_is_being_forgotten_is_no_breach(deployment: Deployment) -> None:
    await deployment.told("sign_up:u1", "sign_up:u2")
    await deployment.events.begin_forgetting(["sign_up:u1"], deployment.connection.clock.now())
    await deployment.queue.forget(["sign_up:u1"])

    assert (await verified(deployment.connection)).holds


async def test_ten_keys_are_named_and_the_rest_counted(deployment: Deployment) -> None:
    await deployment.told(*(f"sign_up:u{n}" for n in range(130)))
    await deployment.connection["discord_queue"].delete_many({})

    report = await verified(deployment.connection)

    assert len(report.samples) == SAMPLES
    assert report.breaches[Kind.COUNT] + report.unread[Kind.COUNT] == 130


async def test_what_moves_while_it_reads_is_no_breach(deployment: Deployment) -> None:
    async def move() -> None:
        for n in range(200):
            if not done.is_set():
                await deployment.told(*(f"sign_up:moving{n}x{i}" for i in range(10)))

    done = anyio.Event()
    await deployment.told(*(f"sign_up:u{n}" for n in range(300)))
    async with anyio.create_task_group() as group:
        group.start_soon(move)
        for _ in range(5):
            assert (await verify(deployment.connection)).breaches == {}
        done.set()
