"""What the couriers of one bot share, and what one channel's courier knows."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from bot.directs import Directs
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
from telemetry.store.feed import Hint
from telemetry.store.pauses import Halts

TROUBLE = Backoff(first=1.0, cap=60.0)
BLOCKED = Backoff(first=60.0, cap=3600.0)
# Rows with this scope were parked with their channel and come back with it.
CHANNEL_SCOPE = "channel"
MOST_READ = 1000


@dataclass
class Desk:
    """What all couriers of one bot share."""

    queue: Deliveries
    channels: Channels
    attempts: Attempts
    session: DiscordSession
    poster: Poster
    directs: Directs
    pace: Pace
    clock: Clock
    chance: Random
    settings: Settings
    metrics: BotMetrics
    holder: str
    halts: Halts
    skew: timedelta = timedelta()  # Discord's time less the database's


@dataclass
class Standing:
    """What one courier knows of its channel or user; a crash may lose all of it."""

    channel: str  # by this name it is recorded, and nonces are made of it
    address: str = ""  # the channel to post to: another one where users are written to
    closed: Verdict | None = None  # why there is no channel to post to
    row: Channel | None = None
    resolved: str = ""  # nonce of the recorded batch, once nothing about it is open
    refusal: Verdict | None = None  # certain about the last try, while an earlier one may have passed
    failures: int = 0
    ahead: deque[Delivery] = field(default_factory=deque)
    exhausted: bool = False  # nothing was left in the queue when it was last read
    read: dict[str, bool] = field(default_factory=dict)  # ids read lately, and whether each is done

    def take_in(self, waiting: Sequence[Delivery], most: int) -> None:
        """Note what a reading of at most so many found."""
        self.ahead.extend(waiting)
        # What comes later than a short reading is told by a hint.
        self.exhausted = len(waiting) < most
        self.read |= {delivery.id: False for delivery in waiting}
        while len(self.read) > MOST_READ:
            del self.read[next(iter(self.read))]

    def forget(self) -> None:
        """Read everything anew: the row may be another's by now, and so may be what is open about its batch."""
        self.row = None
        self.let_go("")

    def reread(self) -> None:
        """Read the queue anew: what waits there has changed."""
        self.ahead.clear()
        self.read.clear()
        self.exhausted = False

    def close(self, deliveries: Iterable[str]) -> None:
        """Note that deliveries are done."""
        self.read |= {name: True for name in deliveries if name in self.read}

    def knows(self, hint: Hint) -> bool:
        """Say whether a hint is old news: of a delivery that was read, unless it waits once more after it was done."""
        return hint.id in self.read and (hint.is_new or not self.read[hint.id])

    def resolve(self, nonce: str) -> None:
        """Note that nothing is open about a batch: another may take its place."""
        self.resolved, self.refusal = nonce, None

    def let_go(self, nonce: str) -> None:
        """Note that nothing is open about a batch, and that its members may wait in the queue again."""
        self.resolve(nonce)
        self.reread()
