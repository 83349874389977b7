"""What is for a user goes into direct messages, once, and many users hold up nobody."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from bot import couriers, crowd, directs
from bot.crowd import Crowd
from bot.rounds import Rounds
from bot.simulator.settings import COMMUNITY
from bot.verdict import Scope, Verdict, judge, judge_direct, opened
from consumers.discord.message import nonce
from telemetry.core.answer import Answer, NoAnswer
from telemetry.core.channel import channel_of, destination_of, told_by_bot, user_of
from telemetry.core.delivery import Signal, State
from telemetry.core.outcome import Dead, Parked, Retry, Unknown
from telemetry.ops.explain import explain
from telemetry.ops.standing import retry
from telemetry.ops.status import read_status
from telemetry.store.attempts import Attempts
from telemetry.store.channels import Batch
from telemetry.store.selection import Selection
from tests.bot.conftest import Bench, OpenBench
from tests.until import PATIENCE, until

ADA, BOB = 300000000000000001, 300000000000000002
OPENING: dict[str, Any] = {"route": "channels"}


def told(bench: Bench, user: int = ADA) -> list[str]:
    """List what a user was told: embed titles, or the text of a plain message."""
    direct = bench.discord.world.directs.of(user)
    return bench.shown(direct.id) if direct else []


def openings(bench: Bench) -> list[int | None]:
    """List what the requests to open direct messages were answered."""
    return [
        request.status for request in bench.discord.traffic.requests if request.path.endswith("/users/@me/channels")
    ]


def test_a_user_is_never_named_as_a_channel_is_and_all_channels_stand_before_all_users() -> None:
    assert ("@7", "7") == (channel_of("discord-user:7"), channel_of("discord:7"))
    assert ("discord-user:7", "discord:7") == (destination_of("@7"), destination_of("7"))
    assert ("7", None) == (user_of("@7"), user_of("7"))
    assert channel_of(f"discord:{'9' * 20}") < channel_of("discord-user:0")
    assert [True, True, False] == [told_by_bot(name) for name in ("discord:7", "discord-user:7", "webhook:7")]


async def test_a_user_is_told_once_in_order_and_a_backlog_is_packed(bench: Bench) -> None:
    keys = [f"t:{n:02}" for n in range(12)]
    await bench.offer(*keys, user=ADA)
    await bench.offer("t:elsewhere")
    async with bench.bot():
        await bench.until_all(State.DELIVERED, *keys, "t:elsewhere")
        await bench.offer("t:later", user=ADA)
        await bench.until_all(State.DELIVERED, "t:later")
    assert [*keys, "t:later"] == told(bench)
    assert [10, 2, 1] == [len(message.embeds) for message in bench.discord.told(ADA)]
    assert ["t:elsewhere"] == bench.shown()
    # Opened once, and known from then on.
    assert [200] == openings(bench)
    direct = bench.discord.world.directs.of(ADA)
    assert direct is not None
    assert str(direct.id) == dict((await bench.row("t:later")).result or {})["channel_id"]


async def test_a_user_may_have_the_same_id_as_a_channel(bench: Bench) -> None:
    await bench.offer("t:user", user=COMMUNITY)
    await bench.offer("t:channel")
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:user", "t:channel")
    assert (["t:user"], ["t:channel"]) == (told(bench, COMMUNITY), bench.shown())


async def test_the_echo_of_a_direct_message_settles_it_when_the_answer_is_late(bench: Bench) -> None:
    async with bench.bot(gateway=True, request_timeout=2.5):

        async def connected() -> bool:
            return bool(bench.discord.gateway.connected)

        await until(connected)
        bench.discord.faults.script(action="delay", when="after", seconds=2.2)
        await bench.offer("t:1", user=ADA)
        await bench.until_all(State.DELIVERED, "t:1")
        assert [None] == [post.end for post in bench.posts()], "the answer had come before it was settled"
    assert ["t:1"] == told(bench)


@pytest.mark.parametrize("lost", [{"when": "after"}, {"when": "before"}])
@pytest.mark.parametrize("window", [60, 0.01])
async def test_killed_between_the_record_and_the_answer_it_is_found_out_by_nonce_or_by_history(
    bench: Bench, lost: dict[str, Any], window: float
) -> None:
    """
    Whoever comes next opens the direct message again: nothing but the record is left of the first.
    """
    bench.discord.faults.script(action="drop", **lost)
    await bench.offer("t:1", user=ADA)
    async with bench.bot(history_settle=60, nonce_window=0.01):
        await bench.until_requests(1)
    assert State.PENDING is await bench.state("t:1")
    async with bench.bot(nonce_window=window):
        await bench.offer("t:2", user=ADA)
        await bench.until_all(State.DELIVERED, "t:1", "t:2")
    assert ["t:1", "t:2"] == told(bench)
    assert [200, 200] == openings(bench)
    # Made of the user's name, not of the channel that has to be asked for.
    names = [f"{key}|discord-user:{ADA}" for key in ("t:1", "t:2")]
    assert {nonce(f"@{ADA}", ((name, 0),)) for name in names} == {post.nonce for post in bench.posts()}


async def test_killed_after_the_opening_nothing_was_recorded_and_it_is_opened_again(bench: Bench) -> None:
    bench.discord.faults.script(action="hold", when="after", **OPENING)
    await bench.offer("t:1", user=ADA)
    async with bench.bot():

        async def held() -> bool:
            return bool(bench.discord.faults.held)

        await until(held)
    assert (await bench.channels.read(f"@{ADA}")).batch is None
    bench.discord.faults.clear()
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
    assert ["t:1"] == told(bench)


async def test_a_direct_message_of_unknown_outcome_that_can_no_longer_be_looked_for_is_parked(bench: Bench) -> None:
    bench.discord.faults.script(action="drop", when="after")
    await bench.offer("t:1", user=ADA)
    async with bench.bot(history_settle=60, nonce_window=0.01):
        await bench.until_requests(1)
    bench.discord.users.remove(ADA)
    async with bench.bot():
        await bench.until_all(State.PARKED, "t:1")
    assert "no such user" in str((await bench.row("t:1")).reason)
    # Nothing is posted where there is no channel to post to.
    assert [] == [request.path for request in bench.discord.traffic.requests if "//" in request.path]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"status": 403, "code": 50007}, "takes no direct messages"),
        ({"status": 403, "code": 50278}, "shares no server"),
        ({"status": 400, "code": 50007, **OPENING}, "takes no direct messages"),
        ({"status": 400, "code": 50033, **OPENING}, "no such user"),
    ],
)
async def test_who_cannot_be_written_to_is_dead_at_once_with_the_reason_and_nobody_else_is(
    bench: Bench, fault: dict[str, Any], said: str
) -> None:
    bench.discord.faults.script(action="status", **fault)
    await bench.offer("t:1", "t:2", user=ADA)
    async with bench.bot():
        await bench.until_all(State.DEAD, "t:1", "t:2")
        await bench.offer("t:3", user=BOB)
        await bench.until_all(State.DELIVERED, "t:3")
    row = await bench.row("t:2")
    assert said in str(row.reason)
    # No simpler form was tried, and nothing is held against the user: a later delivery finds out anew.
    assert 0 == row.rung
    assert 1 == len(await Attempts(bench.connection).of_event("t:2"))
    assert (await bench.channels.read(f"@{ADA}")).block is None
    await bench.offer("t:4", user=ADA)
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:4")


async def test_an_unknown_user_is_dead_without_a_post(open_bench: OpenBench) -> None:
    async with open_bench(strangers=False) as bench:
        await bench.offer("t:1", "t:2", user=ADA)
        async with bench.bot():
            await bench.until_all(State.DEAD, "t:1", "t:2")
        assert ([400], []) == (openings(bench), bench.posts())


async def test_a_refusal_of_a_second_try_is_believed_only_once_the_history_is_read(bench: Bench) -> None:
    bench.discord.faults.script(action="drop", when="after")
    bench.discord.faults.script(action="status", status=403, code=50007, after=1)
    await bench.offer("t:1", user=ADA)
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
    assert ["t:1"] == told(bench)
    assert [None, 403] == [post.status for post in bench.posts()]


@pytest.mark.parametrize("status", [400, 403, 429])
async def test_openings_that_are_too_fast_pause_for_all_users_and_channels_go_on(bench: Bench, status: int) -> None:
    bench.discord.faults.script(action="status", status=status, code=40003, retry_after=2, times=1, **OPENING)
    await bench.offer("t:ada", user=ADA)
    await bench.offer("t:bob", user=BOB)
    async with bench.bot(bot_poll=600):

        async def refused() -> bool:
            return openings(bench) == [status]

        await until(refused)
        await bench.offer("t:channel")
        await bench.until_all(State.DELIVERED, "t:channel")
        assert [State.PENDING] * 2 == [await bench.state(key) for key in ("t:ada", "t:bob")]
        assert [status] == openings(bench), "another was opened meanwhile"
        await bench.until_all(State.DELIVERED, "t:ada", "t:bob")
    assert (["t:ada"], ["t:bob"]) == (told(bench, ADA), told(bench, BOB))
    assert [0, 0] == [(await bench.row(key)).failures for key in ("t:ada", "t:bob")]


def noted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[Any]:
    """Note for whom a function of the rounds is called."""
    called: list[Any] = []
    function = getattr(Rounds, name)

    async def noting(self: Rounds, channel: str, *more: Any) -> Any:
        called.append(channel)
        return await function(self, channel, *more)

    monkeypatch.setattr(Rounds, name, noting)
    return called


async def test_while_openings_pause_those_who_were_written_to_before_are_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    However many wait to be opened: an invitation to thousands must not hold up a reminder for an hour.
    """
    monkeypatch.setattr(crowd, "AT_ONCE", 3)
    looks = noted(monkeypatch, "_users_after")
    drained = noted(monkeypatch, "_drain")
    await bench.offer("t:1", user=ADA)
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
        bench.discord.faults.script(action="status", status=403, code=40003, retry_after=600, **OPENING)
        for user in range(BOB, BOB + 10):
            await bench.offer(f"t:{user}", user=user)

        async def refused() -> bool:
            return openings(bench) == [200, 403]

        await until(refused)
        await bench.offer("t:2", user=ADA)
        await bench.until_all(State.DELIVERED, "t:2")
        before = len(looks)

        async def looked_again() -> bool:
            return len(looks) > before + 4

        await until(looked_again)
    assert ["t:1", "t:2"] == told(bench)
    assert len(set(drained) - {f"@{ADA}"}) <= 3, "more than had a place when it paused were read for"
    assert [200, 403] == openings(bench)
    assert [State.PENDING] * 10 == [await bench.state(f"t:{user}") for user in range(BOB, BOB + 10)]


async def test_after_a_long_pause_the_next_look_finds_who_was_put_off(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directs, "BRIEF", 0.5)
    bench.discord.faults.script(action="status", status=403, code=40003, retry_after=2, **OPENING)
    users = [ADA + n for n in range(30)]
    for user in users:
        await bench.offer(f"t:{user}", user=user)
    async with bench.bot():
        await bench.until_all(State.DELIVERED, *[f"t:{user}" for user in users])
    assert [[f"t:{user}"] for user in users] == [told(bench, user) for user in users]
    assert [403] + [200] * len(users) == openings(bench)


async def test_what_was_left_out_while_openings_paused_is_not_told_afterwards(bench: Bench) -> None:
    bench.discord.faults.script(action="status", status=403, code=40003, retry_after=2, **OPENING)
    (left_out, _) = await bench.offer("t:1", "t:2", user=ADA)
    async with bench.bot():

        async def refused() -> bool:
            return openings(bench) == [403]

        await until(refused)
        await bench.queue.settle([(left_out.id, 0)], Signal.SKIP)
        await bench.until_all(State.DELIVERED, "t:2")
    assert ["t:2"] == told(bench)


async def test_a_first_post_that_is_too_fast_is_no_refusal_and_is_made_again(bench: Bench) -> None:
    bench.discord.faults.script(action="status", status=403, code=40003, times=2)
    await bench.offer("t:1", user=ADA)
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
    assert ["t:1"] == told(bench)
    assert [200, 200, 200] == openings(bench)


async def test_pauses_grow_while_they_follow_one_another(bench: Bench) -> None:
    async with bench.bot() as desk:
        held = []
        for _ in range(3):
            desk.directs.slow_down("too fast")
            desk.directs.slow_down("said by another post of the same time")
            held.append(pause := desk.pace.held("openings", desk.clock.monotonic()))
            await anyio.sleep(pause)
    assert held[0] < held[1] < held[2] < 2.1


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "status", "status": 500},
        {"action": "status", "status": 503, "when": "after"},
        {"action": "drop", "when": "after"},
        {"action": "garbage"},
        {"action": "status", "status": 429, "retry_after": 0.3},
        {"action": "status", "status": 429, "retry_after": 0.3, "scope": "global"},
        {"action": "cloudflare", "retry_after": 1},
    ],
)
async def test_an_opening_that_fails_is_made_again(bench: Bench, fault: dict[str, Any]) -> None:
    bench.discord.faults.script(**fault, **OPENING)
    await bench.offer("t:1", user=ADA)
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
    assert ["t:1"] == told(bench)


async def test_a_channel_that_is_gone_is_opened_again(bench: Bench) -> None:
    bench.discord.faults.script(action="status", status=404, code=10003)
    await bench.offer("t:1", user=ADA)
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
    assert ["t:1"] == told(bench)
    assert [200, 200] == openings(bench)


async def test_what_is_not_understood_of_a_user_is_parked_alone(bench: Bench) -> None:
    bench.discord.faults.script(action="status", status=403, code=99)
    await bench.offer("t:1", user=ADA)
    async with bench.bot():
        await bench.until_all(State.PARKED, "t:1")
        await bench.offer("t:2", user=ADA)
        await bench.until_all(State.DELIVERED, "t:2")
        await retry(bench.connection, Selection((State.PARKED,)), ["discord"])
        await bench.until_all(State.DELIVERED, "t:1")
    assert ["t:2", "t:1"] == told(bench)


async def test_two_bots_share_the_users_and_tell_each_once(bench: Bench) -> None:
    users = [ADA + n for n in range(30)]
    for user in users:
        await bench.offer(f"t:{user}", user=user)
    async with bench.bot(), bench.bot():
        await bench.until_all(State.DELIVERED, *[f"t:{user}" for user in users])
    assert [[f"t:{user}"] for user in users] == [told(bench, user) for user in users]


async def test_many_users_are_worked_through_so_many_at_a_time_and_few_are_remembered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Not even their names are held: those that do not fit are read from the database when the others are done.
    """
    monkeypatch.setattr(crowd, "AT_ONCE", 3)
    monkeypatch.setattr(crowd, "MOST_WAITING", 7)
    monkeypatch.setattr(couriers, "MOST_USERS", 5)
    kept: list[couriers.Couriers] = []
    made = couriers.Couriers.__init__

    def noted(self: couriers.Couriers, *args: Any) -> None:
        kept.append(self)
        made(self, *args)

    monkeypatch.setattr(couriers.Couriers, "__init__", noted)
    users = [ADA + n for n in range(40)]
    for user in users[:20]:
        await bench.offer(f"t:{user}", user=user)
    bench.discord.faults.script(action="hold", when="before", times=3)
    async with bench.bot() as desk:
        await bench.until_requests(3)
        for user in users[20:]:
            await bench.offer(f"t:{user}", user=user)
        # Users take all their places, and a channel has its own.
        await bench.offer("t:channel")
        await bench.until_all(State.DELIVERED, "t:channel")
        assert 4 == len(bench.posts())
        bench.discord.faults.clear()
        await bench.until_all(State.DELIVERED, *[f"t:{user}" for user in users])
        assert [5] == [found.users() for found in kept]
    assert [[f"t:{user}"] for user in users] == [told(bench, user) for user in users]
    assert len(users) == len([row async for row in rows_of_users(bench)])
    # At the start only channels are read.
    assert [str(COMMUNITY)] == [row.id for row in await desk.channels.all()]


async def rows_of_users(bench: Bench) -> AsyncIterator[Any]:
    async for row in bench.connection["channels"].find({"_id": {"$gte": "@"}}):
        yield row


async def test_a_crowd_reads_on_until_nobody_is_left_and_takes_news_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "MOST_WAITING", 2)
    left = [f"@{n}" for n in range(7)]
    seen: list[str] = []
    pages: list[str] = []
    done = anyio.Event()

    async def page(after: str, most: int) -> list[str]:
        pages.append(after)
        await anyio.lowlevel.checkpoint()
        return [user for user in left if user > after][:most]

    async def see_to(user: str) -> None:
        await anyio.lowlevel.checkpoint()
        seen.append(user)
        if user == "@news":
            done.set()

    users = Crowd(page, see_to)
    async with anyio.create_task_group() as group:
        users.start(group)
        users.look()
        with anyio.fail_after(PATIENCE):
            while len(seen) < len(left):
                await anyio.lowlevel.checkpoint()
            users.want("@news")
            await done.wait()
        group.cancel_scope.cancel()
    assert sorted([*left, "@news"]) == sorted(seen)
    assert ["", "@1", "@3", "@5", "@6"] == pages


async def test_explain_and_status_know_direct_messages(bench: Bench) -> None:
    (delivery,) = await bench.offer("t:1", user=ADA)
    now = bench.connection.clock.now()
    batch = Batch(((delivery.id, 0),), "nonce", "bot", now, now, now)
    assert await bench.channels.record(await bench.channels.read(f"@{ADA}"), "another", batch, 60)
    found = await explain(bench.connection, "t:1")
    assert found is not None
    assert f"{delivery.id}: on its way now" in found.ahead
    status = await read_status(bench.connection)
    assert [] == status.channels
    assert [1] == [row.pending for row in status.consumers if row.name == "discord"]
    await bench.queue.settle(batch.members, Signal.GIVE_UP, reason="no such user")
    assert 1 == await retry(bench.connection, Selection(event="t:1"), ["discord"])


REFUSALS: list[tuple[int, str, type, Scope]] = [
    (400, '{"code": 50033}', Dead, Scope.USER),
    (400, '{"code": 50007}', Dead, Scope.USER),
    (403, '{"code": 50007}', Dead, Scope.USER),
    (403, '{"code": 50278}', Dead, Scope.USER),
    (404, '{"code": 10013}', Dead, Scope.USER),
    (400, '{"code": 40003}', Retry, Scope.DIRECTS),
    (403, '{"code": 40003}', Retry, Scope.DIRECTS),
    (429, '{"code": 40003, "retry_after": 3}', Retry, Scope.DIRECTS),
    (403, '{"code": 20026}', Retry, Scope.DIRECTS),
    (401, '{"code": 0}', Retry, Scope.TOKEN),
]


@pytest.mark.parametrize(("status", "body", "outcome", "scope"), REFUSALS)
def test_what_is_about_a_user_means_the_same_whatever_it_answers(
    status: int, body: str, outcome: type, scope: Scope
) -> None:
    answer = Answer(status, {}, body.encode())
    for verdict in (judge(answer), judge_direct(answer), opened(answer)):
        assert isinstance(verdict, Verdict)
        assert (outcome, scope, False) == (type(verdict.outcome), verdict.scope, verdict.reshape)


def test_where_a_channel_would_be_parked_a_user_is_and_its_channel_is_opened_again() -> None:
    strange, gone = Answer(403, {}, b'{"code": 50001}'), Answer(404, {}, b'{"code": 10003}')
    assert (Parked, Scope.USER) == (type(judge_direct(strange).outcome), judge_direct(strange).scope)
    assert (Retry, Scope.USER) == (type(judge_direct(gone).outcome), judge_direct(gone).scope)
    assert isinstance(judge_direct(NoAnswer("cut", certain=False)).outcome, Unknown)


def test_an_opening_gives_its_channel_or_may_be_made_again() -> None:
    assert "7" == opened(Answer(200, {}, b'{"id": "7"}'))
    for unsure in (Answer(200, {}, b"<html>"), Answer(502, {}, b""), NoAnswer("cut", certain=False)):
        verdict = opened(unsure)
        assert isinstance(verdict, Verdict)
        assert isinstance(verdict.outcome, Retry)
    misspelt = opened(Answer(400, {}, b'{"code": 50035}'))
    assert isinstance(misspelt, Verdict)
    assert (Dead, Scope.USER) == (type(misspelt.outcome), misspelt.scope)
