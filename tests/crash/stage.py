"""One run's world: a database of its own, a Discord of its own, and daemons that speak through proxies."""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase

from bot.simulator.message import Message
from bot.simulator.settings import SimulatorSettings
from bot.simulator.simulator import Simulator
from tests.crash.crossings import Passage
from tests.crash.file import CHANNELS, Outlet, spell
from tests.crash.ground import Document, Ground
from tests.crash.offspring import Daemon
from tests.crash.relay import Relay
from tests.crash.settings import BRISK
from tests.receiver import Receiver

# Whose code a daemon finds, by the variable that asks for it.
ABROAD = {"NEIGHBOUR": "neighbour", "TELLONCE_HANDLERS": "handlers"}
# Rows that say who holds what: with their daemons they lose their meaning.
HELD = frozenset({"leases", "channels", "lanes"})
Rows = Mapping[str, Sequence[Document]]


class Stage:
    """The world of one run."""

    def __init__(
        self,
        ground: Ground,
        database: str,
        discord: Simulator,
        receiver: Receiver,
        folder: Path,
        outlets: Sequence[Outlet],
        without: str = "",
    ) -> None:
        self.settings: Mapping[str, str] = {}
        self.noted: dict[str, Any] = {}  # by whoever acts in it, for whoever judges it
        self._ground = ground
        self._stack = AsyncExitStack()
        self._passages: list[Passage] = []
        self._without = without
        self.name = database
        self.database: AsyncIOMotorDatabase[Document] = ground.client[database]
        self.discord = discord
        self.receiver = receiver
        self.folder = folder
        self._outlets = outlets
        self.daemons: list[Daemon] = []

    async def way(self, passage: Passage) -> dict[str, str]:
        """Open a way to the database and to Discord that leads past somebody, as a daemon's environment."""
        self._passages.append(passage)
        uri = await self._stack.enter_async_context(self._ground.behind(passage))
        discord = await self._stack.enter_async_context(Relay(self.discord.api_base, passage))
        receiver = await self._stack.enter_async_context(Relay(self.receiver.url, passage))
        config = self.folder / f"tellonce-{next(self._ground.numbers)}.toml"
        self.write_config(config, receiver.base)
        return {"TELLONCE_MONGODB_URI": uri, "DISCORD_API_BASE": discord.base, "TELLONCE_CONFIG": str(config)}

    def write_config(self, config: Path, receiver: str) -> None:
        """Write a file by which a daemon finds the receiver at an address."""
        config.write_text(spell(self._outlets, receiver))

    async def start(self, verb: str, **environ: str) -> Daemon:
        """Start a daemon by its words; without a way of its own it reaches everything directly."""
        own = BRISK | {
            "TELLONCE_MONGODB_URI": self._ground.uri,
            "TELLONCE_DATABASE": self.name,
            "TELLONCE_CONFIG": str(self.folder / "tellonce.toml"),
            "DISCORD_TOKEN": self.discord.settings.token,
            "DISCORD_API_BASE": self.discord.api_base,
            "DISCORD_GATEWAY": self.discord.gateway_url,
        }
        log = self.folder / f"{verb}-{len(self.daemons)}.log"
        merged = {**own, **self.settings, **environ}
        path = [str(Path(__file__).parent / folder) for name, folder in ABROAD.items() if name in merged]
        daemon = await self._ground.nursery.start(verb.split(), merged, log, self._without, path)
        self.daemons.append(daemon)
        return daemon

    def shown(self, channel: int) -> list[str]:
        """List what a channel shows, in order."""
        return _titles(self.discord.messages(channel))

    def heard(self, destination: str) -> list[str]:
        """List what a channel or a person was told, in order."""
        kind, _, number = destination.partition(":")
        return self.shown(int(number)) if kind == "discord" else _titles(self.discord.told(int(number)))

    def running(self, verb: str) -> Daemon:
        """Find a daemon that runs."""
        return next(daemon for daemon in self.daemons if daemon.verb == verb and not daemon.ended.is_set())

    async def breaches(self) -> list[str]:
        """Have `verify` look at the rows, and say what it has against them."""
        proof = await self.ask("verify")
        return [f"verify: {proof.text()}"] if proof.code else []

    async def ask(self, *arguments: str) -> Daemon:
        """Run a verb to its end."""
        environ = {
            "TELLONCE_MONGODB_URI": self._ground.uri,
            "TELLONCE_DATABASE": self.name,
            "TELLONCE_CONFIG": str(self.folder / "tellonce.toml"),
        }
        log = self.folder / f"{arguments[0]}-{next(self._ground.numbers)}.log"
        daemon = await self._ground.nursery.start(arguments, BRISK | environ, log)
        await daemon.ended.wait()
        return daemon

    async def restore(self, rows: Rows) -> None:
        """Put rows in the database as an earlier run left them."""
        for collection, documents in rows.items():
            if documents:
                await self.database[collection].insert_many([dict(document) for document in documents])

    async def snapshot(self) -> Rows:
        """Read all rows that outlive the daemons that wrote them."""
        names = [name for name in await self.database.list_collection_names() if name not in HELD]
        return {
            name: await self.database[name].find().to_list(None) for name in names if not name.startswith("system.")
        }

    async def end_transactions(self) -> None:
        """End the transactions that killed daemons have left open."""
        for passage in self._passages:
            await self._ground.end_transactions(passage)

    async def close(self) -> None:
        """End every daemon, then what they spoke through."""
        for daemon in self.daemons:
            daemon.kill()
        for daemon in self.daemons:
            await daemon.ended.wait()
        await self.end_transactions()
        await self._stack.aclose()
        await self._ground.client.drop_database(self.name)


def _titles(messages: Sequence[Message]) -> list[str]:
    """List the titles of all embeds, and the texts without any."""
    return [
        title for message in messages for title in ([embed["title"] for embed in message.embeds] or [message.content])
    ]


@asynccontextmanager
async def open_stage(
    ground: Ground, without: str = "", outlets: Sequence[Outlet] = (Outlet.DISCORD,), **discord: Any
) -> AsyncIterator[Stage]:
    """Open a run's world; leaving it leaves nothing behind."""
    database = f"crash_{secrets.token_hex(6)}"
    folder = ground.folder / database
    folder.mkdir()
    settings = replace(SimulatorSettings(limits=False, channels=CHANNELS), **discord)
    async with Simulator(settings) as simulator, Receiver() as receiver:
        stage = Stage(ground, database, simulator, receiver, folder, outlets, without)
        stage.write_config(folder / "tellonce.toml", receiver.url)
        try:
            yield stage
        finally:
            await stage.close()
