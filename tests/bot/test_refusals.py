"""What Discord refuses ends visibly, and holds up nothing else."""

from datetime import timedelta
from typing import Any

import anyio
import pytest

from bot.simulator.guild import Permissions
from bot.simulator.settings import COMMUNITY
from bot.verdict import Scope, judge
from telemetry.core.answer import Answer, NoAnswer
from telemetry.core.delivery import State
from telemetry.core.outcome import Dead, Delivered, Parked, Retry, Unknown
from telemetry.store.attempts import Attempts
from telemetry.store.channels import Block, Channel, Channels
from tests.bot.conftest import Bench, OpenBench
from tests.until import until

VIA = {"Via": "1.1 google"}
ANSWERS: list[tuple[int, dict[str, str], str, type, Scope, bool]] = [
    (200, {}, '{"id": "7"}', Delivered, Scope.MESSAGE, False),
    (200, {}, "<html>", Unknown, Scope.MESSAGE, False),
    (200, {}, "[]", Unknown, Scope.MESSAGE, False),
    (404, {}, '{"code": 10008}', Delivered, Scope.MESSAGE, False),
    (404, {}, '{"code": 10003}', Parked, Scope.CHANNEL, False),
    (404, {}, '{"code": 10004}', Parked, Scope.CHANNEL, False),
    (403, {}, '{"code": 50001}', Parked, Scope.CHANNEL, False),
    (403, {}, '{"code": 50013}', Parked, Scope.CHANNEL, False),
    (403, {}, '{"code": 160005}', Parked, Scope.CHANNEL, False),
    (400, {}, '{"code": 40058}', Parked, Scope.CHANNEL, False),
    (400, {}, '{"code": 50008}', Parked, Scope.CHANNEL, False),
    (400, {}, '{"code": 220001}', Parked, Scope.CHANNEL, False),
    (400, {}, '{"code": 50035, "errors": {}}', Dead, Scope.MESSAGE, True),
    (400, {}, '{"code": 50006}', Dead, Scope.MESSAGE, True),
    (413, {}, '{"code": 40005}', Dead, Scope.MESSAGE, True),
    (400, {}, '{"code": 200000}', Dead, Scope.MESSAGE, False),
    (400, {}, '{"code": 240000}', Dead, Scope.MESSAGE, False),
    (401, {}, '{"code": 0}', Retry, Scope.TOKEN, False),
    (403, {}, '{"code": 40006}', Retry, Scope.CHANNEL, False),
    (429, VIA, '{"retry_after": 1.5, "global": false}', Retry, Scope.CHANNEL, False),
    (429, VIA, '{"retry_after": 1.5, "global": true}', Retry, Scope.GLOBAL, False),
    (429, {"Retry-After": "30"}, "error code: 1015", Retry, Scope.GLOBAL, False),
    (500, {}, "", Unknown, Scope.MESSAGE, False),
    (502, {}, "", Unknown, Scope.MESSAGE, False),
    (503, {}, "", Unknown, Scope.MESSAGE, False),
    (504, {}, "", Unknown, Scope.MESSAGE, False),
    (524, {}, "", Unknown, Scope.MESSAGE, False),
    (302, {}, "", Unknown, Scope.MESSAGE, False),
]


@pytest.mark.parametrize(("status", "headers", "body", "outcome", "scope", "reshape"), ANSWERS)
def test_every_answer_has_one_meaning(
    status: int, headers: dict[str, str], body: str, outcome: type, scope: Scope, reshape: bool
) -> None:
    verdict = judge(Answer(status, headers, body.encode()))
    assert (outcome, scope, reshape) == (type(verdict.outcome), verdict.scope, verdict.reshape)


def test_a_refused_connection_is_certain_and_a_cut_one_is_not() -> None:
    assert isinstance(judge(NoAnswer("refused", certain=True)).outcome, Retry)
    assert isinstance(judge(NoAnswer("cut", certain=False)).outcome, Unknown)


async def test_a_change_is_not_lost_because_a_slow_database_answers_after_the_next_round_is_due(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The block was written long ago: only the news at the start lifts it.
    """
    channel = next(iter(bench.discord.channels))
    bench.discord.world.permit(channel, Permissions(send=False))
    await bench.offer("t:1")
    async with bench.bot(gateway=True):
        await bench.until_all(State.PARKED, "t:1")
    await bench.channels.block(str(COMMUNITY), Block("long ago", bench.connection.clock.now() + timedelta(hours=1), 9))
    bench.discord.world.permit(channel, Permissions())
    quickly = Channels.all

    async def slowly(self: Channels) -> list[Channel]:
        await anyio.sleep(0.3)
        return await quickly(self)

    monkeypatch.setattr(Channels, "all", slowly)
    async with bench.bot(gateway=True, bot_poll=0.1):
        await bench.until_all(State.DELIVERED, "t:1")
    assert ["t:1"] == bench.shown()


async def test_one_bad_item_of_a_digest_goes_down_the_ladder_alone_and_the_others_are_told(bench: Bench) -> None:
    good = [f"t:{n}" for n in range(3)]
    await bench.offer(*good[:2])
    bad = await bench.offer("t:bad")
    await bench.queue.mark([bad[0].id], body={"key": "t:bad", "embed": {"title": "x" * 300}})
    await bench.offer(good[2])
    # No timer helps: what a refusal has put back is read again at once.
    async with bench.bot(bot_poll=600):
        await bench.until_all(State.DELIVERED, *good, "t:bad")
    shown = bench.shown()
    assert [*good[:2], good[2]] == [shown[0], shown[1], shown[3]]
    assert shown[2].startswith("x" * 100)


async def test_a_form_that_nothing_helps_ends_dead_with_discords_reason(
    bench: Bench,
) -> None:
    bench.discord.faults.script(action="status", status=400, code=50035, message="Invalid Form Body", times=3)
    await bench.offer("t:1")
    async with bench.bot():
        await bench.until_all(State.DEAD, "t:1")
        await bench.offer("t:2")
        await bench.until_all(State.DELIVERED, "t:2")
    assert "Invalid Form Body" in str((await bench.row("t:1")).reason)
    assert 3 == len(await Attempts(bench.connection).of_event("t:1"))
    assert ["t:2"] == bench.shown()


async def test_words_that_discord_blocks_end_dead_at_once(bench: Bench) -> None:
    bench.discord.faults.script(action="status", status=400, code=200000)
    await bench.offer("t:1")
    async with bench.bot():
        await bench.until_all(State.DEAD, "t:1")
    assert "AutoMod" in str((await bench.row("t:1")).reason)
    assert 1 == len(bench.posts())


async def test_a_forbidden_channel_is_parked_and_comes_back_by_itself_in_order(open_bench: OpenBench) -> None:
    other = 700000000000000001
    async with open_bench(channels={COMMUNITY: "community", other: "other"}) as bench:
        channel = next(channel for channel in bench.discord.channels if channel.id == COMMUNITY)
        bench.discord.world.permit(channel, Permissions(send=False))
        keys = [f"t:{n}" for n in range(4)]
        await bench.offer(*keys)
        async with bench.bot(gateway=True):
            await bench.until_all(State.PARKED, *keys)
            assert "Send Messages" in str((await bench.row("t:0")).reason)
            await bench.offer("t:elsewhere", channel=other)
            await bench.until_all(State.DELIVERED, "t:elsewhere")
            await bench.offer("t:4")
            await bench.until_all(State.PARKED, "t:4")

            bench.discord.world.permit(channel, Permissions())
            await bench.until_all(State.DELIVERED, *keys, "t:4")
        assert [*keys, "t:4"] == bench.shown()


async def test_a_deleted_channels_deliveries_are_parked_and_go_nowhere_else(bench: Bench) -> None:
    bench.discord.world.close_channel(COMMUNITY)
    await bench.offer("t:1")
    async with bench.bot():
        await bench.until_all(State.PARKED, "t:1")
    assert "channel deleted" in str((await bench.row("t:1")).reason)


async def test_a_refused_token_stops_all_requests_and_waits(bench: Bench) -> None:
    await bench.offer("t:1")
    async with bench.bot(discord_token="wrong"):

        async def refused() -> bool:
            return bench.discord.traffic.statuses["401"] == 1

        await until(refused)
        assert [] == bench.posts()
    assert State.PENDING is await bench.state("t:1")


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "status", "status": 429, "retry_after": 0.3},
        {"action": "status", "status": 429, "retry_after": 0.3, "scope": "global"},
        {"action": "status", "status": 429, "retry_after": 0.3, "scope": "shared"},
        {"action": "cloudflare", "retry_after": 1},
        {"action": "status", "status": 403, "code": 40006},
    ],
)
async def test_a_limit_is_waited_out_and_costs_nothing(bench: Bench, fault: dict[str, Any]) -> None:
    bench.discord.faults.script(**fault)
    await bench.offer("t:1", "t:2")
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1", "t:2")
    assert ["t:1", "t:2"] == bench.shown()
    assert 0 == (await bench.row("t:1")).failures


async def test_an_outage_is_waited_out_and_then_each_is_told_once_in_order(bench: Bench) -> None:
    """
    Failure, then success; and what was told before the outage stays told.
    """
    await bench.offer("t:0")
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:0")
        bench.discord.faults.script(action="status", status=503, when="before", times=2)
        await bench.offer("t:1", "t:2")
        await bench.until_all(State.DELIVERED, "t:1", "t:2")
    assert ["t:0", "t:1", "t:2"] == bench.shown()
