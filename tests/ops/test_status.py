"""How things stand, and one fact's life."""

from datetime import timedelta

from telemetry.core.delivery import Signal
from telemetry.ops.explain import explain
from telemetry.ops.status import read_status
from telemetry.store.attempts import Attempt, Attempts
from telemetry.store.channels import Batch, Block, Channels
from telemetry.store.leases import Leases
from tests.ops.deployment import CHANNEL, CONSUMER, Deployment


async def test_status_counts_what_is_owed_waits_and_stands(deployment: Deployment) -> None:
    await deployment.told("sign_up:done")
    rows = await deployment.take_over(await deployment.accept(*(f"sign_up:u{n}" for n in range(5))))
    await deployment.queue.settle([(rows[0].id, 0)], Signal.GIVE_UP, reason="refused")
    await deployment.queue.settle([(rows[1].id, 0)], Signal.PARK, reason="no permission")
    await deployment.accept("sign_up:owed")

    status = await read_status(deployment.connection)

    (row,) = status.consumers
    assert (row.owed, row.pending, row.in_flight, row.dead, row.parked) == (1, 3, 0, 1, 1)
    assert row.oldest_owed is not None
    assert status.events == 7
    assert status.watcher is None


async def test_members_of_a_channels_batch_are_in_flight_not_pending(deployment: Deployment) -> None:
    rows = await deployment.take_over(await deployment.accept("sign_up:u1", "sign_up:u2", "sign_up:u3"))
    channels, now = Channels(deployment.connection), deployment.connection.clock.now()
    batch = Batch([(rows[0].id, 0), (rows[1].id, 0)], "nonce", "author", now, now, now)
    await channels.record(await channels.read("1"), "bot-a", batch, 30)

    status = await read_status(deployment.connection)

    assert (status.consumers[0].pending, status.consumers[0].in_flight) == (1, 2)
    assert [(row.id, row.held, row.in_flight) for row in status.channels] == [("1", True, 2)]


async def test_a_consumer_that_is_not_registered_shows_as_long_as_its_queue_holds_something(
    deployment: Deployment,
) -> None:
    rows = await deployment.take_over(await deployment.accept("sign_up:u1"))
    await deployment.registry.remove(CONSUMER)

    (row,) = (await read_status(deployment.connection)).consumers
    assert (row.name, row.since, row.owed, row.pending) == (CONSUMER, None, 0, 1)

    await deployment.tell(rows)
    assert (await read_status(deployment.connection)).consumers == []


async def test_status_names_the_active_watcher_and_blocked_channels(deployment: Deployment) -> None:
    channels = Channels(deployment.connection)
    await channels.read("1")
    await channels.block("1", Block("Missing Access", deployment.connection.clock.now(), 1))
    await Leases(deployment.connection).acquire("watcher", "watch-a", 60)

    status = await read_status(deployment.connection)

    assert status.watcher is not None
    assert status.watcher.holder == "watch-a"
    assert status.channels[0].block is not None
    assert status.channels[0].block.reason == "Missing Access"


async def test_explain_tells_a_facts_life_in_order(deployment: Deployment) -> None:
    rows = await deployment.take_over(await deployment.accept("sign_up:u1"))
    now = deployment.connection.clock.now()
    attempt = Attempt(rows[0].id, now + timedelta(hours=1), "retry", "503 from Discord", "bot-a")
    await Attempts(deployment.connection).append([attempt])

    found = await explain(deployment.connection, "sign_up:u1")

    assert found is not None
    assert found.timeline[0].what == "it happened"
    assert found.timeline[-1].what == f"{rows[0].id}: retry: 503 from Discord"
    assert any("discord took it over as 1 delivery" in moment.what for moment in found.timeline)
    assert found.ahead == [f"{rows[0].id}: waits for its courier, in order"]


async def test_explain_says_of_each_stage_what_happens_next(deployment: Deployment) -> None:
    await deployment.accept("sign_up:owed")
    (dead,) = await deployment.take_over(await deployment.accept("sign_up:dead"))
    await deployment.queue.settle([(dead.id, 0)], Signal.GIVE_UP, reason="50035: too long")
    await deployment.told("sign_up:done")

    ahead = {}
    for name in ("owed", "dead", "done"):
        found = await explain(deployment.connection, f"sign_up:{name}")
        assert found is not None
        ahead[name] = found.ahead

    assert ahead["owed"] == ["discord: owed; a watcher that runs this consumer offers it within seconds"]
    assert "50035: too long" in ahead["dead"][0]
    assert f"tellonce retry '{dead.id}'" in ahead["dead"][0]
    assert "done" in ahead["done"][0]


async def test_explain_finds_a_fact_by_its_delivery_and_by_an_earlier_key(deployment: Deployment) -> None:
    await deployment.told("sign_up:u1")
    await deployment.events.add_aliases({"sign_up:other": "sign_up:u1"})

    by_delivery = await explain(deployment.connection, f"sign_up:u1|{CHANNEL}")
    by_alias = await explain(deployment.connection, "sign_up:other")

    assert by_delivery is not None
    assert by_alias is not None
    assert by_delivery.key == by_alias.key == "sign_up:u1"


async def test_explain_knows_nothing_of_a_key_that_was_never_sent(deployment: Deployment) -> None:
    assert await explain(deployment.connection, "sign_up:nobody") is None
