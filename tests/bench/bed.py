"""What a measure runs on: a database of its own, a Discord with twenty channels, and any number of daemons."""

import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.simulator import Simulator, SimulatorSettings
from telemetry.core.delivery import State
from telemetry.store.client import EMBEDDED_CHUNK, Connection, connect
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.indexes import declared, reconcile
from telemetry.store.registry import Registry
from tests.bench.counts import CountedDaemon
from tests.e2e.daemon import Daemon
from tests.until import until

CHANNELS = 20
FIRST_CHANNEL = 112233445566778000
TYPES = [f"t{number:02}" for number in range(CHANNELS)]
ENTRY = """
[types.{name}]
key = ["distinct_id"]
[[discord.routes]]
events = ["{name}"]
channel = "{name}"
title = "{{{{ key | raw }}}}"
body = "{{{{ properties.text }}}}"
"""


class Bed:
    """One deployment to be measured."""

    def __init__(self, connection: Connection, uri: str, discord: Simulator, folder: Path) -> None:
        self.connection = connection
        self.discord = discord
        self.seen: dict[str, float] = {}
        self._folder = folder
        self._number = count(1)
        self._daemons: list[Daemon] = []
        config = folder / "tellonce.toml"
        self.types = list(discord.settings.channels.values())
        channels = "\n".join(f'{name} = "{channel}"' for channel, name in discord.settings.channels.items())
        entries = "".join(ENTRY.format(name=name) for name in self.types)
        config.write_text(f"[discord.channels]\n{channels}\n{entries}")
        discord.world.news.subscribe(self._note)
        self._env = {
            "TELLONCE_MONGODB_URI": uri,
            "TELLONCE_DATABASE": connection.database.name,
            "TELLONCE_CONFIG": str(config),
            "TELLONCE_LOG_FORMAT": "json",
            **{f"TELLONCE_{verb}_PORT": "0" for verb in ("INGEST", "WATCH", "BOT", "COURIER")},
            "DISCORD_TOKEN": discord.settings.token,
            "DISCORD_API_BASE": discord.api_base,
            "DISCORD_GATEWAY": discord.gateway_url,
        }

    def _note(self, event: str, payload: dict[str, Any]) -> None:
        if event == "MESSAGE_CREATE":
            self.seen.update((embed["title"], time.perf_counter()) for embed in payload["embeds"])

    def start(self, verb: str) -> Daemon:
        """Start a daemon as it is."""
        daemon = Daemon.start(verb, None, self._env, self._folder / f"{verb}-{next(self._number)}")
        self._daemons.append(daemon)
        return daemon

    def start_counted(self, verb: str) -> CountedDaemon:
        """Start a daemon that counts its commands."""
        folder = self._folder / f"{verb}-{next(self._number)}"
        file = folder / "tally.json"
        command = [sys.executable, "-m", "tests.bench.counted", verb, str(file)]
        counted = CountedDaemon(Daemon(command, self._env, folder), file)
        self._daemons.append(counted.daemon)
        return counted

    def end(self) -> None:
        """Leave no process behind: asked first, so that nothing is cut off half-way."""
        for daemon in self._daemons:
            daemon.signal(signal.SIGTERM)
        for daemon in self._daemons:
            daemon.end()

    async def prepare(self) -> None:
        """Make what the daemons make at their first boot, so that it is not in the figures."""
        await reconcile(self.connection, declared(["discord", "webhook"]))
        for name in ("discord", "webhook"):
            await Registry(self.connection).register(name)

    async def until_settled(self, seconds: float = 120) -> None:
        """Wait until nothing is owed."""
        events = Events(self.connection)

        async def settled() -> bool:
            """Nothing is owed."""
            return await events.oldest_owed() is None

        await until(settled, seconds)

    async def until_delivered(self, expected: int, seconds: float = 120) -> None:
        """Wait until Discord shows so many events in all, and the queue knows it."""
        queue = Deliveries(self.connection, "discord")

        async def shown() -> bool:
            """Discord shows them."""
            return len(self.seen) >= expected

        async def over() -> bool:
            """No delivery waits or is under way."""
            return not any([await queue.standing(state, 1) for state in (State.PENDING, State.LEASED)])

        await until(shown, seconds, every=0.01)
        await until(over, seconds, every=0.01)
        await self.until_settled(seconds)


@asynccontextmanager
async def make_bed(uri: str, channels: int = CHANNELS) -> AsyncIterator[Bed]:
    """Make a bed of the first so many types, each with its channel, and leave nothing of it."""
    names = {FIRST_CHANNEL + place: name for place, name in enumerate(TYPES[:channels])}
    settings = SimulatorSettings(limits=False, channels=names)
    with TemporaryDirectory(prefix="tellonce-bench-") as folder:
        async with empty_database(uri) as connection, Simulator(settings) as discord:
            bed = Bed(connection, uri, discord, Path(folder))
            try:
                await bed.prepare()
                yield bed
            finally:
                bed.end()


@asynccontextmanager
async def empty_database(uri: str) -> AsyncIterator[Connection]:
    """Connect to a database that nobody has, dropped in the end unless it goes with its server."""
    async with connect(uri, f"tellonce_bench_{secrets.token_hex(6)}") as connection:
        try:
            yield connection
        finally:
            # The embedded server takes longer to drop many rows than a command may last, and goes with them.
            if connection.chunk != EMBEDDED_CHUNK:
                await connection.client.drop_database(connection.database.name)
