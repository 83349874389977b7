import anyio

from telemetry.store.client import Connection
from telemetry.store.leases import Leases
from telemetry.watcher.duty import Duty
from tests.until import until


def duty(connection: Connection, holder: str, seconds: float = 30) -> Duty:
    return Duty("watcher", holder, Leases(connection), connection.clock, seconds, seconds / 3)


class Work:
    """Says when it is done by somebody."""

    def __init__(self) -> None:
        self.active = 0
        self.most = 0
        self.began = 0

    async def __call__(self) -> None:
        self.active += 1
        self.began += 1
        self.most = max(self.most, self.active)
        try:
            await anyio.sleep_forever()
        finally:
            self.active -= 1

    async def is_done(self) -> bool:
        return self.active == 1

    async def is_done_again(self) -> bool:
        return self.began == 2 and self.active == 1


async def test_one_works_and_the_other_takes_over_at_once_when_it_stops(connection: Connection) -> None:
    work = Work()
    async with anyio.create_task_group() as group:
        first = anyio.CancelScope()

        async def run_first() -> None:
            with first:
                await duty(connection, "a", seconds=2).run(work)

        group.start_soon(run_first)
        await until(work.is_done)
        group.start_soon(duty(connection, "b", seconds=2).run, work)
        first.cancel()
        await until(work.is_done_again)
        group.cancel_scope.cancel()
    assert 1 == work.most


async def test_a_holder_whose_lease_was_taken_stops_working(connection: Connection) -> None:
    work = Work()
    async with anyio.create_task_group() as group:
        group.start_soon(duty(connection, "a", seconds=0.6).run, work)
        await until(work.is_done)
        # Another process has taken it meanwhile, as after a long pause of this one.
        await connection["leases"].update_one({"_id": "watcher"}, {"$set": {"holder": "b"}, "$inc": {"epoch": 1}})

        async def has_stopped() -> bool:
            return work.active == 0

        await until(has_stopped)
        group.cancel_scope.cancel()


async def test_stopping_frees_the_duty(connection: Connection) -> None:
    work = Work()
    async with anyio.create_task_group() as group:
        group.start_soon(duty(connection, "a").run, work)
        await until(work.is_done)
        group.cancel_scope.cancel()
    assert await Leases(connection).acquire("watcher", "b", 30)
