"""What is being offered to whole audiences, beside the watcher: it holds up nothing else."""

from collections.abc import Callable, Collection, Sequence

import anyio

from telemetry.core.delivery import Delivery
from telemetry.core.errors import ConfigurationError, TellonceError, UnavailableError
from telemetry.core.fan_out import FanOut
from telemetry.core.pin import run_id
from telemetry.runtime.logs import get_logger
from telemetry.store.client import Connection
from telemetry.store.registry import Registry
from telemetry.store.runs import Runs
from telemetry.watcher.metrics import WatchMetrics
from telemetry.watcher.offering import PAGE, Handed, Offering, audiences_of

log = get_logger(__name__)

# More are not kept in memory: the sweep finds them again.
MOST_AT_ONCE = 100
# Nobody asks for so long (seconds) for an audience that was not there, unless one is set meanwhile.
LACKING = 60.0
MOST_UNPLANNED = 1000


class FanOuts:
    """Offers what is handed to it, a page of one and then of the next."""

    def __init__(
        self, connection: Connection, metrics: WatchMetrics, changed: Callable[[], None], batch: int = PAGE
    ) -> None:
        self._connection = connection
        self._metrics = metrics
        self._changed = changed
        self._batch = batch
        self._offerings: dict[str, Offering] = {}
        self._begun = set[str]()  # their rows say what is offered, whatever is planned by now
        self._halted: Collection[str] = ()
        self._unplanned: dict[str, str] = {}
        self._lacking: dict[frozenset[str], float] = {}  # audiences, of which one was not there, until when (monotonic)
        self._woken = anyio.Event()

    def holds(self, key: str, consumer: str) -> bool:
        """Say whether an event is being offered to a consumer's audiences already, or that was begun and broken off."""
        run = run_id(key, consumer)
        return run in self._offerings or run in self._begun

    def lacks_audience(self, plan: Sequence[Delivery | FanOut]) -> bool:
        """Say whether an audience that a plan tells was not there a moment ago."""
        until = self._lacking.get(audiences_of(plan))
        return until is not None and self._connection.clock.monotonic() < until

    def audiences_changed(self) -> bool:
        """Ask for audiences anew; answer whether one was lacking."""
        lacking, self._lacking = self._lacking, {}
        return bool(lacking)

    def halt(self, consumers: Collection[str]) -> None:
        """Offer some consumers nothing for now; what was begun for them goes on with them."""
        if not {*self._halted} <= {*consumers}:
            self._woken.set()
        self._halted = consumers

    def take(self, handed: Handed) -> None:
        """Offer an event by and by, unless there is too much to do already; then it will be handed over again."""
        run = run_id(handed.event.key, handed.consumer)
        if run not in self._offerings and len(self._going_on()) < MOST_AT_ONCE:
            self._offerings[run] = Offering(self._connection, run, handed, self._batch)
            self._woken.set()

    def go_on(self, key: str, consumer: str) -> None:
        """Offer on what was begun and broken off."""
        run = run_id(key, consumer)
        if run in self._begun and run not in self._offerings:
            self._offerings[run] = Offering(self._connection, run, batch=self._batch)
            self._woken.set()

    async def resume(self) -> None:
        """Take up what was begun before this process, whatever the consumers plan by now."""
        registered = (await Registry(self._connection).read()).values()
        self.halt({consumer.name for consumer in registered if consumer.paused})
        for run in await Runs(self._connection).offering():
            self._begun.add(run)
            self._offerings.setdefault(run, Offering(self._connection, run, batch=self._batch))
        self._woken.set()

    async def run(self) -> None:
        """Offer until cancelled; raise UnavailableError when the database breaks."""
        while True:
            await self._woken.wait()
            self._woken = anyio.Event()
            while self._offerings:
                await self._let_rest()
                if not (able := self._going_on()):
                    break
                await self._go_on(able[0])

    def _going_on(self) -> list[Offering]:
        return [one for one in self._offerings.values() if not self._is_halted(one)]

    def _is_halted(self, offering: Offering) -> bool:
        return offering.run.rpartition("|")[2] in self._halted

    async def _let_rest(self) -> None:
        """Hold nothing open for who is halted, and forget what was not begun: when that goes on, it is planned anew."""
        for offering in [one for one in self._offerings.values() if self._is_halted(one)]:
            await offering.close()
            if offering.run not in self._begun:
                del self._offerings[offering.run]

    async def _go_on(self, offering: Offering) -> None:
        """Offer a page, then let the others have their turn."""
        name = offering.run
        try:
            done = await self._stepped(offering)
        except UnavailableError:
            raise
        except TellonceError as error:
            # It stays owed, and the sweep hands it over again.
            if await offering.cut_short():
                self._begun.discard(name)
                self._changed()
            elif isinstance(error, ConfigurationError):
                self._lacking[offering.audiences] = self._connection.clock.monotonic() + LACKING
            if self._is_news(name, str(error)):
                log.error("fan_out.unplanned", run=name, why=str(error))  # noqa: TRY400
            done = True
        except Exception as error:
            if self._is_news(name, repr(error)):
                log.exception("fan_out.unplanned", run=name)
            done = True
        else:
            self._unplanned.pop(name, None)
            self._changed()
        del self._offerings[name]
        if not done:
            self._offerings[name] = offering

    async def _stepped(self, offering: Offering) -> bool:
        done = await offering.step()
        if done:
            self._begun.discard(offering.run)
        else:
            self._begun.add(offering.run)
        return done

    def _is_news(self, name: str, why: str) -> bool:
        """Count a fan-out that cannot be planned; say whether that was not known."""
        known, self._unplanned[name] = self._unplanned.get(name), why
        if len(self._unplanned) > MOST_UNPLANNED:
            del self._unplanned[next(iter(self._unplanned))]
        if known != why:
            self._metrics.unplanned.labels(name.rpartition("|")[2]).inc()
        return known != why
