from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from random import Random
from typing import Any

import anyio
import pytest
from prometheus_client import CollectorRegistry

from bot.changes import Changes
from bot.client import point_at
from bot.desk import Desk
from bot.directs import Directs
from bot.metrics import BotMetrics
from bot.pace import Pace
from bot.poster import open_poster
from bot.rounds import Rounds
from bot.session import DiscordSession
from bot.simulator.settings import COMMUNITY, SimulatorSettings
from bot.simulator.simulator import Simulator
from telemetry.core.backoff import Backoff
from telemetry.core.delivery import Delivery, State
from telemetry.runtime.health import Readiness
from telemetry.runtime.settings import Settings
from telemetry.store.attempts import Attempts
from telemetry.store.channels import Channels
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.feed import follow_queue
from telemetry.store.pauses import BESIDE, Halts
from tests.facts import a_delivery, an_event
from tests.until import until

CHANNEL = f"discord:{COMMUNITY}"
OPENED_AGAIN = 0.5  # seconds after it was too fast, at most
BRISK = {"bot_poll": 0.3, "history_settle": 0.2, "channel_lease": 4.0, "record_fresh": 1.0, "request_timeout": 2.0}


class Bench:
    """A Discord, a queue, and bots to set to work on it."""

    def __init__(self, connection: Connection, discord: Simulator) -> None:
        self.connection = connection
        self.discord = discord
        self.queue = Deliveries(connection, "discord")
        self.channels = Channels(connection)

    async def offer(
        self, *keys: str, channel: int = COMMUNITY, user: int | None = None, **fields: Any
    ) -> list[Delivery]:
        """Put deliveries in the queue, in this order, for a channel or for a user."""
        destination = f"discord:{channel}" if user is None else f"discord-user:{user}"
        deliveries = [a_delivery(an_event(key), destination, **fields) for key in keys]
        await self.queue.offer(deliveries)
        return deliveries

    def shown(self, channel: int = COMMUNITY) -> list[str]:
        """List what a channel shows: embed titles, or the text of a plain message."""
        return [
            title
            for message in self.discord.messages(channel)
            for title in ([embed["title"] for embed in message.embeds] or [message.content])
        ]

    async def state(self, key: str) -> State:
        """Say where a delivery stands."""
        return (await self.row(key)).state

    async def row(self, key: str) -> Delivery:
        """Read a delivery."""
        (row,) = await self.queue.of_event(key)
        return row

    async def until_all(self, state: State, *keys: str) -> None:
        """Wait until deliveries stand where they should."""

        async def stand() -> bool:
            """Every delivery is in that state."""
            return all([await self.state(key) is state for key in keys])

        await until(stand)

    async def until_requests(self, count: int) -> None:
        """Wait until Discord has had so many posts."""

        async def had() -> bool:
            """Discord has had them."""
            return len(self.posts()) >= count

        await until(had)

    def posts(self) -> list[Any]:
        """List the posts that were tried."""
        return [request for request in self.discord.traffic.requests if request.creates]

    @asynccontextmanager
    async def bot(self, *, gateway: bool = False, **settings: Any) -> AsyncIterator[Desk]:
        """Run a bot, with receipts from the gateway or without; leaving stops it as SIGTERM does."""
        env = BRISK | {"discord_token": self.discord.settings.token} | settings
        chosen, readiness = Settings.model_validate(env), Readiness("discord")
        point_at(self.discord.api_base, self.discord.gateway_url if gateway else "ws://127.0.0.1:1/")
        changes = Changes()
        token = str(env["discord_token"])
        session = DiscordSession(token, readiness, Random(1), changes.note)
        async with open_poster(token, self.discord.api_base, chosen.request_timeout) as poster:
            pace, metrics = Pace(chosen.global_rate), BotMetrics(CollectorRegistry())
            directs = Directs(
                poster, session, pace, self.connection.clock, Random(1), metrics, slowed=Backoff(OPENED_AGAIN, 60)
            )
            desk = Desk(
                self.queue,
                self.channels,
                Attempts(self.connection),
                session,
                poster,
                directs,
                pace,
                self.connection.clock,
                Random(1),
                chosen,
                metrics,
                f"bot-{id(session)}",
                Halts(self.connection, "discord"),
            )
            rounds = Rounds(desk, partial(follow_queue, self.connection, "discord_queue", BESIDE), changes)
            async with anyio.create_task_group() as group:
                group.start_soon(session.run)
                group.start_soon(rounds.run)
                yield desk
                group.cancel_scope.cancel()


OpenBench = Callable[..., AbstractAsyncContextManager[Bench]]


@pytest.fixture
def open_bench(connection: Connection) -> OpenBench:
    """Open a bench whose Discord is set up as told."""

    @asynccontextmanager
    async def opened(**discord: Any) -> AsyncIterator[Bench]:
        async with Simulator(SimulatorSettings(**{"limits": False} | discord)) as simulator:
            yield Bench(connection, simulator)

    return opened


@pytest.fixture
async def bench(open_bench: OpenBench) -> AsyncIterator[Bench]:
    """A bench with one channel and no limits."""
    async with open_bench() as made:
        yield made
