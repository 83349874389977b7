"""`tellonce up`: everything on one machine."""

import os
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Annotated

import anyio
import typer

from telemetry.cli.child import Child, environment, python
from telemetry.cli.embedded import EmbeddedServer, start_embedded_server
from telemetry.cli.passing import passing_on
from telemetry.cli.premises import Running, announce, occupied, withdraw
from telemetry.cli.printing import say
from telemetry.cli.readiness import wait_ready
from telemetry.cli.stage import Addresses, choose_addresses, daemon_environment, may_tell, simulator_command
from telemetry.core.errors import ConfigurationError
from telemetry.courier.service import courier_names
from telemetry.runtime.config import DEFAULT_PATH, Config, load_config
from telemetry.runtime.settings import Settings
from telemetry.watcher.consumers import load_consumers

READY_WITHIN = 30.0
LOOK_EVERY = 0.5
EVENT = '{"event": "sign_up", "distinct_id": "u42", "properties": {"plan": "pro"}}'
Then = Annotated[str | None, typer.Option(help="Run this when everything is up, as in ./story; `tellonce` is found.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Where the simulated Discord listens.")]


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def up(*, simulator_port: Port = None, then: Then = None) -> None:
        """Run everything on this machine, until Ctrl-C.

        The database is embedded unless TELLONCE_MONGODB_URI is set, Discord is simulated unless DISCORD_TOKEN is.
        """
        settings, following = Settings.read(os.environ), _program(then)
        with occupied() as directory:
            config = _config(settings)
            addresses = choose_addresses(settings, simulator_port, courier_names(settings, config))
            with _database(settings, directory) as server:
                anyio.run(_Show(settings, config, addresses, server, directory, following).run)
        say("stopped")


def _program(then: str | None) -> list[str]:
    words = shlex.split(then or "")
    if words and shutil.which(words[0], path=_path()) is None:
        raise ConfigurationError(f"--then {words[0]}: there is no such program")
    return words


def _path() -> str:
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def _config(settings: Settings) -> Config:
    if settings.config is None and not DEFAULT_PATH.exists():
        starter = files("telemetry.cli").joinpath("starter.toml").read_text(encoding="utf-8")
        DEFAULT_PATH.write_text(starter, encoding="utf-8")
        if settings.discord_token is not None:
            raise ConfigurationError(f"{DEFAULT_PATH} was written: put your channel's id there, then start again")
        say(f"{DEFAULT_PATH} was written, to start from: edit it, then start again")
    config = load_config(settings.config)
    load_consumers(config, settings)
    return config


@contextmanager
def _database(settings: Settings, directory: Path) -> Iterator[EmbeddedServer | None]:
    if settings.mongodb_uri is not None:
        yield None
        return
    data = directory / "mongodb"
    say(
        f"database  embedded SecantusDB, data in {data}: a beta engine, for trying and small installs; "
        "set TELLONCE_MONGODB_URI for production"
    )
    with start_embedded_server(data) as server:
        yield server


class _Show:
    """Everything that runs, from the first child's start to the last one's end."""

    def __init__(
        self,
        settings: Settings,
        config: Config,
        addresses: Addresses,
        server: EmbeddedServer | None,
        directory: Path,
        then: Sequence[str],
    ) -> None:
        self._settings = settings
        self._addresses = addresses
        self._server = server
        self._directory = directory
        self._chance = Random()  # noqa: S311 - jitter
        self._stop_asked = anyio.Event()
        self._say = passing_on(plain=settings.log_format == "json")
        uri = server.uri if server else settings.require_mongodb_uri()
        self._daemons = [
            self._child(
                words.rpartition(" ")[2],
                python("telemetry.cli.main", *words.split()),
                environment(**daemon_environment(settings, addresses, words, uri)),
            )
            for words in addresses.daemons
        ]
        simulator = addresses.simulator and simulator_command(addresses.simulator, config, directory)
        self._simulator = [self._child("discord", simulator, environment())] if simulator else []
        self._then = [self._child("then", then, environment(PATH=_path()))] if then else []

    @property
    def _children(self) -> list[Child]:
        return self._then + self._daemons + self._simulator

    def _child(self, name: str, line: Sequence[str], told: dict[str, str]) -> Child:
        return Child(name, line, told, self._say, self._chance)

    async def run(self) -> None:
        """Run until a signal."""
        own = self._server.uri if self._server else None
        addresses, allowed = self._addresses, may_tell(self._settings)
        announce(Running(os.getpid(), own, addresses.ingest, addresses.simulator, allowed), self._directory)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._listen)
                group.start_soon(self._start)
                group.start_soon(self._keep_database)
                for child in self._simulator + self._daemons:
                    group.start_soon(child.keep_running, name=child.name)
                await self._stop_asked.wait()
                withdraw(self._directory)
                await self._stop()
                group.cancel_scope.cancel()
        finally:
            # Whatever went wrong: nothing that was started stays behind.
            with anyio.CancelScope(shield=True):
                await self._stop()

    async def _listen(self) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
            async for _ in signals:
                if self._stop_asked.is_set():
                    for child in self._children:
                        child.kill()
                else:
                    say("stopping; Ctrl-C again to stop at once")
                    self._stop_asked.set()

    async def _keep_database(self) -> None:
        while self._server is not None and not self._stop_asked.is_set():
            if not self._server.running:
                self._say("database", "the database ended; it is started again on the same data and port")
                # In this thread, though it waits: the server is to end when the thread that started it does.
                self._server.restart()
            await anyio.sleep(LOOK_EVERY)

    async def _stop(self) -> None:
        for child in self._children:
            await child.stop()

    async def _start(self) -> None:
        urls = {name: f"{url}/readyz" for name, url in self._addresses.daemons.items()}
        waiting = await wait_ready(urls, READY_WITHIN)
        for name, why in waiting.items():
            say(f"{name} is not ready yet: {why}", style="yellow")
        self._greet()
        for child in self._then:
            await child.run_once()

    def _greet(self) -> None:
        ingest, simulator = self._addresses.ingest, self._addresses.simulator
        say("tellonce is up; Ctrl-C stops it, the data stays", style="bold")
        say(f"  ingest    {ingest}/ingest   docs {ingest}/docs")
        discord = f"{simulator}/ (simulated; set DISCORD_TOKEN for the real one)" if simulator else "the real one"
        say(f"  discord   {discord}")
        say("  webhooks  tellonce webhooks add NAME URL; tellonce listen receives some, to try it")
        say("  health    " + "   ".join(f"{name} {url}/readyz" for name, url in self._addresses.daemons.items()))
        key = " -H 'Authorization: Bearer <secret>'" if self._settings.ingest_keys else ""
        say("try:")
        say(f"  curl {ingest}/ingest -H 'Content-Type: application/json'{key} -d '{EVENT}'")
