"""The ordinary way: in order, packed when there is a backlog, one request at a time in each channel."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from anyio.abc import TaskGroup
from discord.gateway import DiscordWebSocket
from discord.http import Route
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent
from structlog.testing import capture_logs

from bot.rounds import Rounds
from bot.simulator.guild import Permissions
from bot.simulator.settings import COMMUNITY
from telemetry.core.delivery import Delivery, State
from telemetry.store.channels import Channel, Channels
from telemetry.store.client import connect
from telemetry.store.deliveries import Deliveries
from tests.bot.conftest import CHANNEL, Bench, OpenBench
from tests.until import until

CHANNELS = {700000000000000000 + n: f"channel{n}" for n in range(5)}


class Writes(CommandListener):
    """Counts documents written, by collection."""

    def __init__(self) -> None:
        self.documents: Counter[str] = Counter()
        self._asked: dict[int, str] = {}

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name in ("insert", "update", "delete"):
            self._asked[event.request_id] = str(event.command[event.command_name])

    def succeeded(self, event: CommandSucceededEvent) -> None:
        collection = self._asked.pop(event.request_id, None)
        if collection is not None:
            reply: Any = event.reply
            self.documents[collection] += reply.get("nModified", reply["n"])

    def failed(self, event: CommandFailedEvent) -> None:
        self._asked.pop(event.request_id, None)

    def settled(self, deliveries: int) -> Callable[[], Awaitable[bool]]:
        """Ask whether so many deliveries were settled, as this listener was told."""

        async def told() -> bool:
            return self.documents["discord_queue"] >= deliveries

        return told


async def test_a_backlog_is_packed_in_tens_and_shown_in_order(bench: Bench) -> None:
    keys = [f"t:{n:02}" for n in range(25)]
    await bench.offer(*keys)
    async with bench.bot():
        await bench.until_all(State.DELIVERED, *keys)
    assert keys == bench.shown()
    assert [10, 10, 5] == [len(message.embeds) for message in bench.discord.messages(COMMUNITY)]


async def test_what_was_told_of_before_a_reading_is_not_read_for_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"t:{n}" for n in range(5)]
    hints, readings = 0, 0
    want, read, waiting = Rounds._want, Channels.read, Deliveries.waiting

    def noting(self: Rounds, channel: str, group: TaskGroup) -> None:
        nonlocal hints
        hints += channel == str(COMMUNITY)
        want(self, channel, group)

    async def all_heard() -> bool:
        return hints >= len(keys)

    async def late(self: Channels, channel: str) -> Channel:
        if channel == str(COMMUNITY):
            await until(all_heard)
        return await read(self, channel)

    async def counting(self: Deliveries, destination: str, most: int) -> list[Delivery]:
        nonlocal readings
        readings += destination == CHANNEL
        return await waiting(self, destination, most)

    monkeypatch.setattr(Rounds, "_want", noting)
    monkeypatch.setattr(Channels, "read", late)
    monkeypatch.setattr(Deliveries, "waiting", counting)
    # Once somebody was told, the bot listens.
    await bench.offer("t:first", user=300000000000000001)
    async with bench.bot(bot_poll=600):
        await bench.until_all(State.DELIVERED, "t:first")
        await bench.offer(*keys)
        await bench.until_all(State.DELIVERED, *keys)
        await bench.offer("t:last")
        await bench.until_all(State.DELIVERED, "t:last")
    assert [*keys, "t:last"] == bench.shown()
    assert 2 == readings


async def test_what_comes_while_the_bot_runs_is_posted_by_the_streams_hint(bench: Bench) -> None:
    async with bench.bot(bot_poll=600):
        await bench.offer("t:first")
        await bench.until_all(State.DELIVERED, "t:first")
        for n in range(3):
            await bench.offer(f"t:{n}")
            await bench.until_all(State.DELIVERED, f"t:{n}")
    assert ["t:first", "t:0", "t:1", "t:2"] == bench.shown()


async def test_two_bots_share_the_channels_and_each_keeps_its_order(open_bench: OpenBench) -> None:
    async with open_bench(channels=CHANNELS) as bench, bench.bot(), bench.bot():
        keys = {channel: [f"t:{channel}-{n}" for n in range(30)] for channel in CHANNELS}
        for n in range(30):
            for channel, names in keys.items():
                await bench.offer(names[n], channel=channel)
        await bench.until_all(State.DELIVERED, *[name for names in keys.values() for name in names])
        for channel, names in keys.items():
            assert names == bench.shown(channel)
            assert 1 == bench.discord.traffic.most_in_flight[channel]


async def test_a_channel_that_hangs_holds_up_no_other(open_bench: OpenBench) -> None:
    async with open_bench(channels=CHANNELS) as bench:
        hung, *others = CHANNELS
        bench.discord.faults.script(action="hold", when="before", channel=hung, times=None)
        for channel in CHANNELS:
            await bench.offer(f"t:{channel}", channel=channel)
        async with bench.bot():
            await bench.until_all(State.DELIVERED, *[f"t:{channel}" for channel in others])
            assert State.PENDING is await bench.state(f"t:{hung}")


async def test_posting_does_not_wait_for_the_gateway(bench: Bench) -> None:
    await bench.offer("t:1")
    async with bench.bot() as desk:
        await bench.until_all(State.DELIVERED, "t:1")
        assert desk.session.receipts.get(bench.posts()[0].nonce)
        assert not bench.discord.gateway.identifies


async def test_an_own_message_that_comes_back_settles_a_post_whose_answer_is_late(bench: Bench) -> None:
    await bench.offer("t:warm")
    async with bench.bot(gateway=True, request_timeout=2.5):
        await bench.until_all(State.DELIVERED, "t:warm")
        await until(lambda: gateway_is_there(bench))
        bench.discord.faults.script(action="delay", when="after", seconds=2.2)
        await bench.offer("t:1")
        await bench.until_all(State.DELIVERED, "t:1")
        (late,) = [post for post in bench.posts() if post.end is None or post.nonce == bench.posts()[-1].nonce]
        assert late.end is None, "the answer had come before it was settled"
    assert ["t:warm", "t:1"] == bench.shown()


async def gateway_is_there(bench: Bench) -> bool:
    return bool(bench.discord.gateway.connected)


async def test_stopping_lets_go_of_the_channels(bench: Bench) -> None:
    """
    A successor need not wait for a lease.
    """
    await bench.offer("t:1")
    async with bench.bot(channel_lease=600):
        await bench.until_all(State.DELIVERED, "t:1")
    row = await bench.channels.read(str(COMMUNITY))
    assert row.until <= bench.connection.clock.now()


async def test_stopping_waits_for_the_answer_that_is_under_way(bench: Bench) -> None:
    bench.discord.faults.script(action="delay", when="after", seconds=0.5)
    await bench.offer("t:1")
    async with bench.bot():
        await bench.until_requests(1)
    assert State.DELIVERED is await bench.state("t:1")


async def test_a_delivery_posted_alone_costs_two_writes_and_a_digest_of_ten_eleven(
    bench: Bench, mongodb_uri: str, database: str
) -> None:
    await bench.offer("t:first")
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:first")
    writes = Writes()
    async with connect(mongodb_uri, database, listeners=[writes]) as watched:
        beside = Bench(watched, bench.discord)
        await bench.offer("t:1")
        async with beside.bot():
            await until(writes.settled(1))
            assert {"channels": 1, "discord_queue": 1} == writes.documents
            await bench.offer(*[f"t:1{n}" for n in range(10)])
            await until(writes.settled(1 + 10))
            assert writes.documents["channels"] <= 1 + 2


def test_the_two_names_of_discord_py_that_point_it_elsewhere_still_exist() -> None:
    assert Route.BASE.startswith("http")
    assert DiscordWebSocket.DEFAULT_GATEWAY.scheme in ("ws", "wss")


async def test_a_redriven_delivery_that_was_told_is_not_told_again(bench: Bench) -> None:
    await bench.offer("t:1")
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
        assert 0 == await bench.queue.redrive({"_id": f"t:1|{CHANNEL}"}, bench.connection.clock.now())
    assert ["t:1"] == bench.shown()


async def test_a_right_that_is_missing_is_named_at_the_start(bench: Bench) -> None:
    await bench.offer("t:1")
    async with bench.bot():
        await bench.until_all(State.DELIVERED, "t:1")
    bench.discord.world.permit(next(iter(bench.discord.channels)), Permissions(history=False))
    with capture_logs() as lines:
        async with bench.bot():

            async def named() -> bool:
                return any(line.get("permissions") == ["Read Message History"] for line in lines)

            await until(named)
