"""How far a run is, how fast it goes, and when it should be over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from telemetry.core.delivery import State
from telemetry.core.run import ENDED, Run, RunState, rate
from telemetry.store.census import Census
from telemetry.store.client import Connection
from telemetry.store.runs import Runs


@dataclass(frozen=True, slots=True)
class Progress:
    """One run's numbers; dead and parked ones are those that came to it first, whatever was done about them since."""

    run: str
    account: str
    consumer: str
    state: RunState
    total: int | None  # None while it is being offered
    offered: int
    waiting: int
    on_their_way: int
    delivered: int
    dead: int
    parked: int
    skipped: int
    refused: int
    rate: float | None  # a minute
    ends_at: datetime | None
    cancelled_by: str | None
    reason: str | None

    @property
    def done(self) -> int:
        """Deliveries that came to something."""
        return self.delivered + self.dead + self.parked + self.skipped

    @property
    def is_over(self) -> bool:
        """Say whether nothing about it will change any more by itself."""
        return self.state in ENDED and not self.on_their_way

    @property
    def line(self) -> str:
        """Spell it in one line."""
        of = f"{self.total:,}" if self.total is not None else f"{self.offered:,} offered so far"
        numbers = (
            *((self.waiting, "wait"), (self.on_their_way, "on their way"), (self.dead, "dead")),
            *((self.parked, "parked"), (self.skipped, "skipped")),
        )
        told = "".join(f", {number:,} {what}" for number, what in numbers if number)
        return f"run:{self.run}: {self.state}, {self.delivered:,} of {of} delivered{told}"


def progress(run: Run, now: datetime) -> Progress:
    """Say how far a run is."""
    speed = rate(run, now)
    left = run.waiting + len(run.active)
    goes_on = run.state is RunState.RUNNING and run.total is not None and speed
    return Progress(
        run=run.id,
        account=run.account,
        consumer=run.consumer,
        state=run.state,
        total=run.total,
        offered=run.offered,
        waiting=run.waiting,
        on_their_way=len(run.active),
        delivered=run.counts.get(State.DELIVERED, 0),
        dead=run.counts.get(State.DEAD, 0) + run.unfit,
        parked=run.counts.get(State.PARKED, 0),
        skipped=run.counts.get(State.SKIPPED, 0),
        refused=run.refused,
        rate=round(speed, 1) if speed else None,
        ends_at=now + timedelta(minutes=left / speed) if goes_on and speed else None,
        cancelled_by=run.ended.by if run.ended else None,
        reason=run.ended.reason or None if run.ended else None,
    )


async def progress_of(connection: Connection, key: str) -> Sequence[Progress]:
    """Say how far each run of an event is, by its key or an earlier one."""
    runs = await Runs(connection).of_event(await Census(connection).present_key(key))
    return [progress(run, connection.clock.now()) for run in runs]
