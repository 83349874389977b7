"""Where users are written to: the channel of their direct messages, opened before anything is posted to it.

Opening is without any visible effect, and repeating it gives the same channel (API reference, "Create DM"). The
same page warns that a bot which opens many too quickly is held back: so they are opened one after the other,
and when Discord says that it was too fast, nobody's is opened for a while.
"""

from random import Random
from typing import TypeVar

import anyio

from bot.metrics import BotMetrics
from bot.pace import Pace
from bot.poster import Poster
from bot.session import DiscordSession
from bot.verdict import Scope, Verdict, opened
from telemetry.core.answer import Answer
from telemetry.core.backoff import Backoff
from telemetry.core.channel import user_of
from telemetry.core.clock import Clock
from telemetry.core.outcome import Retry
from telemetry.runtime.logs import get_logger

log = get_logger(__name__)

T = TypeVar("T")

TROUBLE = Backoff(first=1.0, cap=60.0)
SLOWED = Backoff(first=60.0, cap=3600.0)
MOST_KNOWN = 10_000
# What is refused is not asked for again at once, though it may be meant for many deliveries.
REFUSED_SECONDS = 10.0
# Whoever waits for an opening takes a place that others could have.
BRIEF = 5.0
# The openings have a pace of their own, by a name that no channel has.
OPENINGS = "openings"


class PostponedError(Exception):
    """Openings pause for long: the user is written to later, and others meanwhile."""


class Directs:
    """Knows the channels of the users written to lately, and opens those that it does not know."""

    def __init__(
        self,
        poster: Poster,
        session: DiscordSession,
        pace: Pace,
        clock: Clock,
        chance: Random,
        metrics: BotMetrics,
        slowed: Backoff = SLOWED,
    ) -> None:
        self._poster = poster
        self._session = session
        self._pace = pace
        self._clock = clock
        self._chance = chance
        self._metrics = metrics
        self._slowed = slowed
        self._known: dict[str, str] = {}
        self._refused: dict[str, tuple[float, Verdict]] = {}
        self._turn = anyio.Lock()
        self._pauses = 0
        self._pause = 0.0
        self._paused_until = float("-inf")

    def postponed(self, channel: str) -> bool:
        """Say whether a user can be written to only after a long pause."""
        return channel not in self._known and self._pause_left() > BRIEF

    async def reach(self, channel: str) -> str | Verdict:
        """Give the channel to post to, opening a user's where it is not known, or say why there is none.

        Raise PostponedError where that would take long.
        """
        user, failures = user_of(channel), 0
        if user is None:
            return channel
        while (found := self._remembered(channel)) is None:
            async with self._turn:
                # Those who waited for their turn may find that it was done for them.
                found = self._remembered(channel) or await self._open(channel, user)
            if not isinstance(found, Verdict) or not isinstance(found.outcome, Retry):
                return found
            failures += 1
            # Outside the turn: one whom Discord cannot open holds up no other.
            await self._wait(found, found.outcome, failures)
        return found

    def forget(self, channel: str) -> None:
        """Ask for a user's channel again before the next post."""
        self._known.pop(channel, None)

    def slow_down(self, reason: str, after: float | None = None) -> None:
        """Open none for a while: longer each time, unless the last such while is as long past as it was."""
        now = self._clock.monotonic()
        if now < self._paused_until:
            return
        self._pauses = self._pauses + 1 if now - self._paused_until <= self._pause else 1
        self._pause = max(self._slowed.delay(self._pauses, self._chance), after or 0.0)
        self._paused_until = now + self._pause
        self._pace.hold(OPENINGS, self._paused_until)
        log.warning("directs.paused", why=reason, seconds=round(self._pause, 1))

    def _remembered(self, channel: str) -> str | Verdict | None:
        if channel in self._known:
            return _latest(self._known, channel)
        until, verdict = self._refused.get(channel, (0.0, None))
        return verdict if self._clock.monotonic() < until else None

    async def _open(self, channel: str, user: str) -> str | Verdict:
        await self._wait_turn()
        answer = await self._poster.open_direct(user)
        found, now = opened(answer), self._clock.monotonic()
        if isinstance(answer, Answer):
            self._pace.learn(OPENINGS, answer.headers, now)
        if isinstance(found, str):
            _keep(self._known, channel, found)
        elif not isinstance(found.outcome, Retry):
            _keep(self._refused, channel, (now + REFUSED_SECONDS, found))
        elif found.scope is Scope.DIRECTS:
            # Said within the turn: whoever has the next finds it.
            self.slow_down(found.outcome.reason, found.outcome.after)
        self._metrics.openings.labels(
            "opened" if isinstance(found, str) else type(found.outcome).__name__.lower()
        ).inc()
        return found

    async def _wait_turn(self) -> None:
        await self._session.wait_open()
        while (pause := self._pause_left()) > 0:
            if pause > BRIEF:
                raise PostponedError
            await anyio.sleep(pause)
        await anyio.sleep(self._pace.slot(self._clock.monotonic()))

    def _pause_left(self) -> float:
        return self._pace.held(OPENINGS, self._clock.monotonic())

    async def _wait(self, verdict: Verdict, outcome: Retry, failures: int) -> None:
        now = self._clock.monotonic()
        match verdict.scope:
            case Scope.DIRECTS:
                return
            case Scope.TOKEN:
                self._session.refuse()
            case Scope.GLOBAL | Scope.CHANNEL if outcome.after is not None:
                self._pace.hold(None if verdict.scope is Scope.GLOBAL else OPENINGS, now + outcome.after)
            case _:
                pause = TROUBLE.delay(failures, self._chance)
                log.warning("direct.waits", why=outcome.reason, seconds=round(pause, 1))
                await anyio.sleep(pause)


def _latest(known: dict[str, T], name: str) -> T:
    known[name] = value = known.pop(name)
    return value


def _keep(known: dict[str, T], name: str, value: T) -> None:
    known[name] = value
    while len(known) > MOST_KNOWN:
        del known[next(iter(known))]
