"""What waits for its turn in a run, found by narrow ranges of the work index."""

from collections.abc import Sequence

from telemetry.core.delivery import Signal, State
from telemetry.core.run import Run, cut_short
from telemetry.store.client import Connection
from telemetry.store.commands import Row, patiently, read
from telemetry.store.deliveries import BY_WORK, Deliveries, carried_out
from telemetry.store.documents import held_place

AT_ONCE = 500


class Held:
    """The held deliveries of a run."""

    def __init__(self, connection: Connection, consumer: str, run: str) -> None:
        self._connection = connection
        self._rows = connection[f"{consumer}_queue"]
        self._deliveries = Deliveries(connection, consumer)
        self._run = run

    async def ahead(self, first: int, number: int) -> list[tuple[int, str]]:
        """Read (turn, id) of those that wait within so many turns from one on."""
        rows = await read(self._rows, self._between(first, first + number), fields={"turn": 1}, sort=BY_WORK)
        return [(row["turn"], row["_id"]) for row in rows]

    async def admit(self, names: Sequence[str]) -> int:
        """Let deliveries of the run out to their courier; answer how many still waited."""
        now = self._connection.clock.now()
        members = [(name, 0) for name in names]
        return await self._deliveries.settle(members, Signal.ADMIT, ready_at=now, admitted_at=now)

    async def skip(self, first: int, past: int, reason: str) -> int:
        """Leave out those that wait from a turn on, up to another; answer how many there were."""
        skipped, width = 0, AT_ONCE
        while first < past:
            query = self._between(first, min(first + width, past)) | {"state": State.HELD.value}
            result = await patiently(self._rows.update_many, query, carried_out(Signal.SKIP, {"reason": reason}))
            skipped, first = skipped + result.modified_count, first + width
            # Who waits for more to be offered passes what was skipped before, again and again.
            width = AT_ONCE if result.modified_count else 4 * width
        return skipped

    def _between(self, first: int, past: int) -> Row:
        return {"work": {"$gte": held_place(self._run, first), "$lt": held_place(self._run, past)}}


async def skip_rest(connection: Connection, run: Run) -> Run:
    """Skip what waits in a run that is being cancelled; give it as it is then, which is to be noted.

    While it is still being offered more may come, and it stays as it is.
    """
    reason = f"cancelled by {run.ended.by}" if run.ended else "cancelled"
    if run.ended and run.ended.reason:
        reason += f": {run.ended.reason}"
    await Held(connection, run.consumer, run.id).skip(0, run.turns, reason)
    return run if run.total is None else cut_short(run)
