"""Letting the deliveries of runs out in their turn, beside the watcher: `telemetry/core/run.py` decides.

First the run's row says what is let out, then it is. Killed between, the next conductor finds it named there
and still held.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from random import Random

import anyio

from telemetry.core.bucket import Bucket
from telemetry.core.clock import Clock
from telemetry.core.consumer import Consumer
from telemetry.core.delivery import Delivery, State, destination_of
from telemetry.core.run import (
    Choice,
    Limits,
    Run,
    RunState,
    choose,
    counted,
    ends,
    in_turn,
    let_out,
    passed_over,
    places,
    resting,
)
from telemetry.runtime.logs import get_logger
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.held import Held, skip_rest
from telemetry.store.pauses import Halts
from telemetry.store.runs import Runs
from telemetry.watcher.consumers import Closing
from telemetry.watcher.metrics import WatchMetrics

log = get_logger(__name__)

QUICKEST, SLOWEST = 0.25, 2.0
# With no run open nothing is asked; this seldom it is, as a stream may fall silent.
IDLE = 30.0
WIDTH = 50  # turns read at once; four times as many where they are empty
MOST_AHEAD = 500


class Conductor:
    """Gives runs their turns, one round after the other."""

    def __init__(
        self,
        connection: Connection,
        consumers: Sequence[Consumer],
        limits: Limits,
        clock: Clock,
        chance: Random,
        metrics: WatchMetrics,
    ) -> None:
        self._connection = connection
        self._runs = Runs(connection)
        self._consumers = {consumer.name: consumer for consumer in consumers}
        self._limits = limits
        self._clock = clock
        self._chance = chance
        self._metrics = metrics
        self._buckets: dict[str, Bucket] = {}
        self._halts = {name: Halts(connection, name) for name in self._consumers}
        self._woken = anyio.Event()

    def wake(self) -> None:
        """Look again soon: a run has changed."""
        self._woken.set()

    async def run(self) -> None:
        """Let deliveries out until cancelled; raise UnavailableError when the database breaks."""
        pause = QUICKEST
        while True:
            self._woken = anyio.Event()
            is_open, moved = await self.round()
            pause = QUICKEST if moved else min(2 * pause, SLOWEST)
            # What it changes itself wakes it too: never more rounds than this.
            await anyio.sleep(QUICKEST)
            with anyio.move_on_after(pause - QUICKEST if is_open else IDLE):
                await self._woken.wait()

    async def round(self) -> tuple[bool, bool]:
        """Go through the open runs once; say whether any can go on by itself, and whether anything moved."""
        runs = await self._runs.open()
        self._metrics.open_runs.set(len(runs))
        if not runs:
            return False, False
        self._let_go(runs)
        rows = await self._active(runs)
        at_rest = await self._resting(runs, rows)
        now, moved = [], False
        for run in runs:
            after = await self._take_stock(run, rows)
            moved |= after is not run
            now += [after] if after else []
        # Paused or cancelled a moment ago, a run keeps the places of what it had let out.
        out = [counted(run, ends(run.active, rows[run.consumer])) for run in runs]
        for run in in_turn([run for run in now if not await self._is_paused(run)], at_rest, self._limits):
            moved |= await self._let_out(run, rows, places(run, out, at_rest, self._limits))
        return any(run.active or run.state is not RunState.PAUSED for run in now), moved

    async def _active(self, runs: Sequence[Run]) -> Mapping[str, Mapping[str, Delivery]]:
        """Read what is out, by consumer and id."""
        names: dict[str, list[str]] = defaultdict(list)
        for run in runs:
            names[run.consumer] += run.active
        return {
            consumer: {row.id: row for row in await Deliveries(self._connection, consumer).fetch(ids)}
            for consumer, ids in names.items()
        }

    async def _resting(self, runs: Sequence[Run], rows: Mapping[str, Mapping[str, Delivery]]) -> set[str]:
        now = self._connection.clock.now()
        found: set[str] = set()
        for run in runs:
            closed = await self._closed(run.consumer, run.active)
            found |= resting(run.active, rows[run.consumer], closed, now)
        return found

    async def _closed(self, consumer: str, names: Iterable[str]) -> Collection[str]:
        """Say which destinations of some deliveries take nothing now."""
        destinations, known = {destination_of(name) for name in names}, self._consumers.get(consumer)
        if not destinations or known is None:
            return frozenset()
        paused = await self._halts[consumer].among(destinations)
        return paused | {*await known.closed(self._connection, destinations)} if isinstance(known, Closing) else paused

    async def _is_paused(self, run: Run) -> bool:
        """Say whether nothing of a run is carried: what it let out now would all go at once later."""
        return run.consumer in self._halts and await self._halts[run.consumer].whole() is not None

    async def _take_stock(self, run: Run, rows: Mapping[str, Mapping[str, Delivery]]) -> Run | None:
        """Count what came to something, and end a run that is over; None where somebody else was at it."""
        after = counted(run, ends(run.active, rows[run.consumer]))
        if run.state is RunState.CANCELLING:
            after = await skip_rest(self._connection, after)
        if after == run:
            return run
        if not await self._advance(run, after):
            return None
        return None if after.is_over else replace(after, step=after.step + 1)

    async def _advance(self, run: Run, after: Run) -> bool:
        """Note how a run is now; no, where somebody else was at it."""
        done = await self._runs.advance(run, after)
        if done and after.state is not run.state:
            log.info("run.ended", run=run.id, state=after.state, deliveries=after.total)
        return done

    async def _let_out(self, run: Run, rows: Mapping[str, Mapping[str, Delivery]], free: int) -> bool:
        """Let out what a run may; answer whether it was anything."""
        held = Held(self._connection, run.consumer, run.id)
        known = rows[run.consumer]
        left = [name for name in run.active if name in known and known[name].state is State.HELD]
        if left:
            # It was named, and not let out: the process before this one ended just then.
            await held.admit(left)
        bucket = self._bucket(run.account)
        room = min(free, bucket.refill(self._clock.monotonic(), self._chance))
        if room <= 0 or run.waiting <= 0:
            return bool(left)
        choice = await self._choice(held, run, room)
        if not choice.names and choice.cursor == run.turns and run.total is not None:
            # Others left out what it has not let out, as one does who forgets a person; or it was told before.
            return await self._advance(run, passed_over(run)) or bool(left)
        if not choice.names or not await self._advance(run, let_out(run, choice, self._connection.clock.now())):
            return bool(left)
        bucket.take(choice.taking)
        admitted = await held.admit(choice.names)
        self._metrics.admitted.labels(run.consumer).inc(admitted)
        return True

    async def _choice(self, held: Held, run: Run, room: int) -> Choice:
        """Look ahead until as much is found as has room."""
        past, width, ahead, closed = run.admitted, WIDTH, list[tuple[int, str]](), set[str]()
        while True:
            found = await held.ahead(past, width)
            ahead += found
            closed |= {*await self._closed(run.consumer, (name for _, name in found))}
            past = min(past + width, run.turns)
            choice = choose(run, ahead, past, closed, room)
            if choice.taking >= room or past >= run.turns or len(ahead) >= MOST_AHEAD:
                return choice
            width = WIDTH if found else 4 * width

    def _let_go(self, runs: Sequence[Run]) -> None:
        """Forget the full buckets of accounts that have no run: a new one is no fuller."""
        now, accounts = self._clock.monotonic(), {run.account for run in runs}
        for account, bucket in list(self._buckets.items()):
            if account not in accounts and bucket.refill(now, self._chance) == bucket.most:
                del self._buckets[account]

    def _bucket(self, account: str) -> Bucket:
        return self._buckets.setdefault(
            account, Bucket(self._limits.rate, self._limits.destinations, self._clock.monotonic())
        )
