"""The bot daemon, put together, and its verb on the command line."""

import os
from functools import partial
from random import Random
from secrets import token_hex

import anyio
import typer
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
from telemetry.core.errors import ConfigurationError
from telemetry.runtime.health import Health, Readiness, health_app
from telemetry.runtime.logs import configure_logs, get_logger
from telemetry.runtime.service import run_until_signalled
from telemetry.runtime.settings import Settings
from telemetry.runtime.tracing import tracing
from telemetry.runtime.web import WebService
from telemetry.store.attempts import Attempts
from telemetry.store.channels import Channels
from telemetry.store.client import connect
from telemetry.store.deliveries import Deliveries
from telemetry.store.feed import follow_queue
from telemetry.store.indexes import reconcile, work

log = get_logger(__name__)

QUEUE = "discord"
API_BASE = "https://discord.com/api/v10"


class BotService:
    """Everything the bot does with the database, from connecting to letting go."""

    name = "bot"

    def __init__(self, settings: Settings, readiness: Readiness, metrics: BotMetrics, chance: Random) -> None:
        self._settings = settings
        self._readiness = readiness
        self._metrics = metrics
        self._chance = chance
        self._holder = token_hex(8)
        self._changes = Changes()
        self._token = settings.discord_token.get_secret_value() if settings.discord_token else ""
        self.session = DiscordSession(self._token, readiness, chance, self._changes.note)

    async def run(self) -> None:
        """Connect, make ready, and post whatever waits."""
        settings = self._settings
        try:
            async with (
                connect(settings.require_mongodb_uri(), settings.database) as connection,
                open_poster(self._token, settings.discord_api_base or API_BASE, settings.request_timeout) as poster,
                anyio.create_task_group() as group,
            ):
                await reconcile(connection, [work(f"{QUEUE}_queue")])
                self._readiness.has("database")
                log.info("bot.begun", holder=self._holder)
                group.start_soon(connection.keep_time, name="clock")
                pace, clock, chance = Pace(settings.global_rate), connection.clock, self._chance
                desk = Desk(
                    queue=Deliveries(connection, QUEUE),
                    channels=Channels(connection),
                    attempts=Attempts(connection),
                    session=self.session,
                    poster=poster,
                    directs=Directs(poster, self.session, pace, clock, chance, self._metrics),
                    pace=pace,
                    clock=clock,
                    chance=chance,
                    settings=settings,
                    metrics=self._metrics,
                    holder=self._holder,
                )
                await Rounds(desk, partial(follow_queue, connection, f"{QUEUE}_queue"), self._changes).run()
        except BaseException as error:
            self._readiness.lacks("database", str(error) or "stopping")
            raise


async def run_bot(settings: Settings, chance: Random | None = None) -> None:
    """Run the bot until a signal; raise ConfigurationError where the operator must act first."""
    if settings.discord_token is None:
        raise ConfigurationError("DISCORD_TOKEN: not set; give it the bot's token from Discord's developer portal")
    point_at(settings.discord_api_base, settings.discord_gateway)
    metrics = CollectorRegistry()
    readiness = Readiness("database", "discord")
    web = WebService(health_app(Health(readiness, metrics)), settings.health_host, settings.bot_port)
    bot = BotService(settings, readiness, BotMetrics(metrics), chance or Random())  # noqa: S311 - jitter
    await run_until_signalled([web, bot.session, bot])


def command(app: typer.Typer) -> None:
    """Add the verb `bot` to the command line."""

    @app.command()
    def bot() -> None:
        """Post what waits in the Discord queue, each once."""
        settings = Settings.read(os.environ)
        configure_logs(settings.log_format, settings.log_level, "bot")
        tracing.configure("bot", os.environ)
        anyio.run(run_bot, settings)
