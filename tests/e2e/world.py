"""A whole deployment of real processes, judged from outside: what was accepted and what Discord shows."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import anyio.to_thread

from bot.simulator.settings import COMMUNITY
from bot.simulator.simulator import Simulator
from telemetry.core.delivery import State
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from tests.e2e.daemon import STARTS_WITHIN, Daemon
from tests.facts import an_event
from tests.until import PATIENCE, until

CONFIG = """
[types.tick]
key = "per occurrence"
[discord.channels]
{channels}
[[discord.routes]]
events = ["sign_up"]
channel = "community"
title = "{{{{ key | raw }}}}"
{routes}
"""
BRISK = {
    "TELLONCE_LEASE": "3",
    "TELLONCE_LEASE_RENEWAL": "1",
    "TELLONCE_SWEEP_EVERY": "1",
    "TELLONCE_CHANNEL_LEASE": "4",
    "TELLONCE_RECORD_FRESH": "1.5",
    "TELLONCE_REQUEST_TIMEOUT": "2",
    "TELLONCE_HISTORY_SETTLE": "1",
    "TELLONCE_BOT_POLL": "1",
    "TELLONCE_LOG_FORMAT": "json",
    "TELLONCE_INGEST_PORT": "0",
    "TELLONCE_WATCH_PORT": "0",
    "TELLONCE_BOT_PORT": "0",
    "TELLONCE_COURIER_PORT": "0",
    "TELLONCE_COURIER_LEASE": "4",
    "TELLONCE_CARRY_TIMEOUT": "2",
    "TELLONCE_WEBHOOK_ALLOW": "127.0.0.0/8",
}


class World:
    """One database, one Discord, and any number of daemons."""

    def __init__(self, connection: Connection, uri: str, database: str, discord: Simulator, folder: Path) -> None:
        self.connection = connection
        self.discord = discord
        self._folder = folder
        self._number = count(1)
        self._daemons: list[Daemon] = []
        self.config = folder / "tellonce.toml"
        self.write_config()
        self.env = BRISK | {
            "TELLONCE_MONGODB_URI": uri,
            "TELLONCE_DATABASE": database,
            "TELLONCE_CONFIG": str(self.config),
            "DISCORD_TOKEN": discord.settings.token,
            "DISCORD_API_BASE": discord.api_base,
            "DISCORD_GATEWAY": discord.gateway_url,
        }

    def write_config(self, routes: str = "") -> None:
        """Write the file that the daemons started from now on read."""
        names = "\n".join(f'{name} = "{channel}"' for channel, name in self.discord.settings.channels.items())
        self.config.write_text(CONFIG.format(channels=names, routes=routes))

    def start(self, verb: str, place: str | None = None, **env: str) -> Daemon:
        """Start a daemon, to be caught at a place or not."""
        folder = self._folder / f"{verb}-{next(self._number)}"
        daemon = Daemon.start(verb, place, self.env | env, folder)
        self._daemons.append(daemon)
        return daemon

    def start_plainly(self, *words: str) -> Daemon:
        """Start a daemon, or any other verb, as the command line does."""
        folder = self._folder / f"{words[0]}-{next(self._number)}"
        daemon = Daemon([sys.executable, "-m", "telemetry.cli.main", *words], self.env, folder)
        self._daemons.append(daemon)
        return daemon

    async def typed(self, *words: str) -> tuple[int, str]:
        """Type a command; give its exit code and what it printed."""
        done = self.start_plainly(*words)
        # Discord is in this process, and goes on meanwhile.
        return await anyio.to_thread.run_sync(done.process.wait, STARTS_WITHIN), done.text()

    def end(self) -> None:
        """Leave no process behind."""
        for daemon in self._daemons:
            daemon.end()

    async def store(self, keys: Sequence[str]) -> None:
        """Put events in the database, as an ingest that has answered would have."""
        now = self.connection.clock.now().replace(microsecond=0)
        await Events(self.connection).insert([an_event(key, due_at=now) for key in keys])

    def shown(self, channel: int = COMMUNITY) -> list[str]:
        """List what a channel shows, in order: the titles of all embeds."""
        return [embed["title"] for message in self.discord.messages(channel) for embed in message.embeds]

    async def until_shown(self, keys: Iterable[str], channel: int = COMMUNITY, seconds: float = PATIENCE) -> None:
        """Wait until a channel shows at least the given keys."""
        wanted = set(keys)

        async def all_shown() -> bool:
            """Every key is shown."""
            return wanted <= set(self.shown(channel))

        await until(all_shown, seconds)

    async def until_settled(self, keys: Sequence[str], seconds: float = PATIENCE) -> None:
        """Wait until every event is settled and every delivery has left the queue."""

        events, queue = Events(self.connection), Deliveries(self.connection, "discord")

        async def all_settled() -> bool:
            """Nothing is owed and nothing waits."""
            owed = await events.count_owed("discord")
            return not owed and not (await queue.count([State.PENDING]))[State.PENDING]

        await until(all_settled, seconds, every=0.5)
        assert len(keys) == len(await events.fetch(keys))


async def submit(url: str, body: Any, **headers: str) -> tuple[int, Mapping[str, Any]]:
    """Send events to an ingest, as a producer does."""
    async with aiohttp.ClientSession() as session, session.post(f"{url}/ingest", json=body, headers=headers) as answer:
        return answer.status, await answer.json()
