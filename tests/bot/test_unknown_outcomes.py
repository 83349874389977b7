"""An outcome that nobody knows is never guessed: one message, whatever was lost on the way."""

from typing import Any

import pytest

from bot.desk import Desk
from bot.simulator.guild import Permissions
from bot.simulator.settings import COMMUNITY
from telemetry.core.delivery import State
from tests.bot.conftest import CHANNEL, Bench, OpenBench
from tests.until import until

LOST = [
    {"action": "status", "status": 500, "when": "after"},
    {"action": "status", "status": 502, "when": "before"},
    {"action": "status", "status": 503, "when": "after"},
    {"action": "drop", "when": "before"},
    {"action": "drop", "when": "after"},
    {"action": "drop", "when": "after", "reset": True},
    {"action": "garbage"},
    {"action": "delay", "when": "before", "seconds": 3},
    {"action": "delay", "when": "after", "seconds": 3},
]


async def suppresses(desk: Desk, wanted: dict[str, float]) -> bool:
    """Say whether so much was kept from being told twice, by what kept it."""
    samples = [sample for family in desk.metrics.suppressed.collect() for sample in family.samples]
    counted = [sample for sample in samples if sample.name.endswith("_total") and sample.value]
    return {sample.labels["cause"]: sample.value for sample in counted} == wanted


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: " ".join(map(str, fault.values())))
async def test_a_lost_answer_is_asked_for_again_with_the_same_nonce(bench: Bench, fault: dict[str, Any]) -> None:
    bench.discord.faults.script(**fault)
    await bench.offer("t:1")
    async with bench.bot() as desk:
        await bench.until_all(State.DELIVERED, "t:1")
        await until(lambda: suppresses(desk, {"nonce": 1}))
    assert ["t:1"] == bench.shown()
    assert 1 == len({post.nonce for post in bench.posts()})


async def test_beyond_the_nonce_window_the_channels_history_decides_that_it_was_posted(bench: Bench) -> None:
    bench.discord.faults.script(action="drop", when="after")
    await bench.offer("t:1")
    async with bench.bot(nonce_window=0.01) as desk:
        await bench.until_all(State.DELIVERED, "t:1")
        await until(lambda: suppresses(desk, {"history": 1}))
    assert ["t:1"] == bench.shown()
    assert 1 == len(bench.posts())
    (message,) = bench.discord.messages(COMMUNITY)
    assert {"message_id": str(message.id)}.items() <= dict((await bench.row("t:1")).result or {}).items()


async def test_beyond_the_nonce_window_the_channels_history_decides_that_it_was_not_posted(bench: Bench) -> None:
    bench.discord.faults.script(action="drop", when="before")
    await bench.offer("t:1")
    async with bench.bot(nonce_window=0.01):
        await bench.until_all(State.DELIVERED, "t:1")
    assert ["t:1"] == bench.shown()
    assert [None, 200] == [post.status for post in bench.posts()]


async def test_where_the_history_cannot_be_read_it_is_parked_and_not_told_twice_when_it_can(bench: Bench) -> None:
    bench.discord.world.permit(next(iter(bench.discord.channels)), Permissions(history=False))
    bench.discord.faults.script(action="drop", when="after")
    await bench.offer("t:1")
    async with bench.bot(nonce_window=0.01):
        await bench.until_all(State.PARKED, "t:1")
        assert "Read Message History" in str((await bench.row("t:1")).reason)
        await bench.offer("t:2")
        await bench.until_all(State.DELIVERED, "t:2")

        bench.discord.world.permit(next(iter(bench.discord.channels)), Permissions())
        await bench.queue.redrive({"_id": f"t:1|{CHANNEL}"}, bench.connection.clock.now())
        await bench.until_all(State.DELIVERED, "t:1")
    assert ["t:1", "t:2"] == bench.shown()


async def test_a_digest_of_unknown_outcome_is_sent_again_whole_whatever_has_come_since(bench: Bench) -> None:
    keys = [f"t:{n}" for n in range(5)]
    await bench.offer(*keys)
    bench.discord.faults.script(action="drop", when="after")
    bench.discord.faults.script(action="hold", when="before", after=1)
    async with bench.bot():
        await bench.until_requests(2)
        await bench.offer("t:later")
        bench.discord.faults.clear()
        await bench.until_all(State.DELIVERED, *keys, "t:later")
    assert [*keys, "t:later"] == bench.shown()
    assert [5, 1] == [len(message.embeds) for message in bench.discord.messages(COMMUNITY)]


async def test_a_message_that_somebody_deleted_is_not_posted_again(bench: Bench) -> None:
    bench.discord.faults.script(action="drop", when="after")
    bench.discord.faults.script(action="hold", when="before", after=1)
    await bench.offer("t:1")
    async with bench.bot():
        await bench.until_requests(2)
        bench.discord.world.delete(bench.discord.messages(COMMUNITY)[0])
        bench.discord.faults.clear()
        await bench.until_all(State.DELIVERED, "t:1")
    assert [] == bench.shown()


async def test_a_refusal_after_an_unknown_try_is_believed_only_once_the_history_is_read(bench: Bench) -> None:
    bench.discord.faults.script(action="drop", when="after")
    bench.discord.faults.script(action="status", status=400, code=50035)
    await bench.offer("t:1")
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
    assert ["t:1"] == bench.shown()


async def test_another_bot_user_does_not_rely_on_a_nonce_that_was_not_its_own(bench: Bench) -> None:
    bench.discord.faults.script(action="drop", when="after")
    bench.discord.faults.script(action="hold", when="before", after=1)
    await bench.offer("t:1")
    async with bench.bot():
        await bench.until_requests(2)
    row = await bench.channels.read(str(COMMUNITY))
    await bench.connection["channels"].update_one({"_id": row.id}, {"$set": {"batch.author": "1"}})
    bench.discord.faults.clear()
    async with bench.bot():
        # The history holds no message of that author: it is told by this one.
        await bench.until_all(State.DELIVERED, "t:1")
    assert 1 <= len(bench.shown()) <= 2


async def test_after_too_many_tries_without_any_outcome_a_delivery_is_parked_alone(bench: Bench) -> None:
    await bench.offer("t:1")
    bench.discord.faults.script(action="hold", when="before")
    async with bench.bot():
        await bench.until_requests(1)
    row = await bench.channels.read(str(COMMUNITY))
    await bench.connection["channels"].update_one({"_id": row.id}, {"$set": {"batch.silent": 21}})
    async with bench.bot():
        await bench.until_all(State.PARKED, "t:1")
    assert "without any outcome" in str((await bench.row("t:1")).reason)


async def test_a_bot_on_limits_waits_as_discord_says_and_loses_nothing(open_bench: OpenBench) -> None:
    async with open_bench(limits=True) as bench:
        await bench.offer(*[f"t:{n}" for n in range(8)], solo=True)
        await bench.queue.mark([f"t:{n}|{CHANNEL}" for n in range(8)], solo=True)
        async with bench.bot():
            await bench.until_all(State.DELIVERED, *[f"t:{n}" for n in range(8)])
        assert [f"t:{n}" for n in range(8)] == bench.shown()
        assert "429" not in bench.discord.traffic.statuses


@pytest.mark.parametrize(
    ("lost", "requests"),
    [
        # What comes meanwhile comes before the second try, or while its answer is awaited.
        ({"action": "status", "status": 502, "when": "after"}, 1),
        ({"action": "delay", "when": "after", "seconds": 3}, 2),
    ],
)
async def test_an_answer_lost_after_a_429_of_the_same_message_is_asked_for_again_whatever_came_meanwhile(
    bench: Bench, lost: dict[str, Any], requests: int
) -> None:
    """
    The first try proved that nothing was there; the second, under the same nonce, proves nothing.
    """
    bench.discord.faults.script(action="status", status=429, retry_after=0.3)
    bench.discord.faults.script(**lost)
    await bench.offer("t:1")
    async with bench.bot():
        await bench.until_requests(requests)
        await bench.offer("t:2")
        await bench.until_all(State.DELIVERED, "t:1", "t:2")
    assert ["t:1", "t:2"] == bench.shown()


async def test_what_another_message_has_told_in_part_is_left_to_a_person(bench: Bench) -> None:
    """
    Taking it for told would lose the rest; telling it again would tell the part twice.
    """
    await bench.offer("t:1")
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
    for forgotten in ("discord_queue", "channels"):
        await bench.connection[forgotten].delete_many({})
    bench.discord.faults.script(action="drop", when="before")
    await bench.offer("t:1", "t:2")
    async with bench.bot(nonce_window=0.01):
        await bench.until_all(State.PARKED, "t:1", "t:2")
    assert "told by another message" in str((await bench.row("t:2")).reason)
    assert ["t:1"] == bench.shown()
