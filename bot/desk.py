"""What the couriers of one bot share, and what one channel's courier knows."""

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from bot.metrics import BotMetrics
from bot.pace import Pace
from bot.poster import Poster
from bot.session import DiscordSession
from bot.verdict import Verdict
from telemetry.core.backoff import Backoff
from telemetry.core.clock import Clock
from telemetry.core.delivery import Delivery
from telemetry.runtime.settings import Settings
from telemetry.store.attempts import Attempts
from telemetry.store.channels import Channel, Channels
from telemetry.store.deliveries import Deliveries

TROUBLE = Backoff(first=1.0, cap=60.0)
BLOCKED = Backoff(first=60.0, cap=3600.0)
# Rows with this scope were parked with their channel and come back with it.
CHANNEL_SCOPE = "channel"
_DESTINATION = "discord:"


@dataclass
class Desk:
    """What all couriers of one bot share."""

    queue: Deliveries
    channels: Channels
    attempts: Attempts
    session: DiscordSession
    poster: Poster
    pace: Pace
    clock: Clock
    chance: Random
    settings: Settings
    metrics: BotMetrics
    holder: str
    skew: timedelta = timedelta()  # Discord's time less the database's


@dataclass
class Standing:
    """What one courier knows of its channel; a crash may lose all of it."""

    channel: str
    row: Channel | None = None
    resolved: str = ""  # nonce of the recorded batch, once nothing about it is open
    refusal: Verdict | None = None  # certain about the last try, while an earlier one may have passed
    failures: int = 0
    ahead: deque[Delivery] = field(default_factory=deque)

    def forget(self) -> None:
        """Read everything anew: the row may be another's by now."""
        self.row = None
        self.ahead.clear()

    def resolve(self, nonce: str) -> None:
        """Note that nothing is open about a batch: another may take its place."""
        self.resolved, self.refusal = nonce, None


def destination_of(channel: str) -> str:
    """Name a channel as deliveries do."""
    return _DESTINATION + channel


def channel_of(destination: str) -> str:
    """Give the channel that a destination names."""
    return destination.removeprefix(_DESTINATION)
