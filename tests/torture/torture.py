"""One torture: set up, let everybody loose, heal, drain, judge."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pymongo.errors import PyMongoError

from tests.crash.file import Outlet
from tests.crash.ground import open_ground
from tests.crash.judgement import Judgement, wrong
from tests.crash.servers import server_of
from tests.crash.stage import Stage, open_stage
from tests.torture.databases import open_database
from tests.torture.nemesis import Database, Nemesis, abilities
from tests.torture.plan import SEATS, plan
from tests.torture.producers import Producers
from tests.torture.seat import Seat
from tests.torture.verdict import HANDLER, QUEUES, judge

CLIENTS = 4
DRAIN = 300.0
# The product's windows end before Discord's, and all of them within a torture.
SETTINGS = {"TELLONCE_NONCE_WINDOW": "6", "TELLONCE_HISTORY_SETTLE": "2", "TELLONCE_HANDLERS": HANDLER}
NONCE_WINDOW = 10.0
KEPT = 10_000_000

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    seed: int
    seconds: float
    server: str
    acts: Mapping[str, int]
    kills: int
    events: int
    told: Mapping[str, int]
    sent_again: int
    judgement: Judgement


class Torture:
    """Everything that one torture is about."""

    def __init__(self, seed: int, seconds: float, rate: float, say: Say, without: str = "") -> None:
        self._seed = seed
        self._seconds = seconds
        self._rate = rate
        self._say = say
        self._without = without

    async def run(self) -> Outcome:
        """Do it all, in a folder that is gone afterwards."""
        with TemporaryDirectory(prefix="tellonce-torture-") as folder, open_database(Path(folder)) as database:
            async with (
                open_ground(database.uri) as ground,
                open_stage(ground, self._without, tuple(Outlet), nonce_window=NONCE_WINDOW, keep=KEPT) as stage,
            ):
                stage.settings = SETTINGS
                return await self._on(stage, database)

    async def _on(self, stage: Stage, database: Database) -> Outcome:
        server = await server_of(stage.database.client)
        seats = [Seat(name, stage) for name in SEATS]
        ingests = [seat for seat in seats if "ingest" in seat.name]
        producers = Producers(ingests, self._seed, self._rate / CLIENTS, lambda key: stage.ask("cancel", key))
        nemesis = Nemesis(seats, stage, database, self._say)
        acts = plan(self._seed, self._seconds, abilities(database))
        await nemesis.begin()
        end = time.monotonic() + self._seconds
        async with asyncio.TaskGroup() as keeping:
            kept = [keeping.create_task(seat.keep(), name=seat.name) for seat in seats]
            async with asyncio.TaskGroup() as work:
                work.create_task(nemesis.carry_out(acts), name="nemesis")
                for number in range(CLIENTS):
                    work.create_task(producers.run(number, lambda: time.monotonic() < end), name=f"producer {number}")
            self._say("healing")
            await nemesis.heal()
            rested = await self._drain(stage)
            kills = sum(seat.kills for seat in seats)
            codes = [await seat.close() for seat in seats]
            await asyncio.gather(*kept)
        found = await judge(stage, producers.sent)
        found += wrong([] if rested else [f"not at rest within {DRAIN:.0f} s"])
        found += wrong(f"{seat.name} ended with {code}" for seat, code in zip(seats, codes, strict=True) if code)
        return Outcome(
            self._seed,
            self._seconds,
            server,
            {str(kind): times for kind, times in nemesis.done.most_common()},
            kills,
            len(producers.sent),
            dict(producers.told),
            producers.again,
            found,
        )

    async def _drain(self, stage: Stage) -> bool:
        """Wait until nothing is owed and nothing waits; an operator has what is parked tried again."""
        end, shown = time.monotonic() + DRAIN, -1
        while time.monotonic() < end:
            try:
                coming = await _coming(stage)
                owed = await stage.database["events"].count_documents({"due_at": {"$exists": True}})
                waiting = await _standing(stage, "pending") + await _standing(stage, "leased")
                parked = await _standing(stage, "parked") + await _standing(stage, "dead")
            except PyMongoError:
                await asyncio.sleep(1)
                continue
            found = coming + owed + waiting + parked
            # What went on behind one look is seen by the next.
            if not found and not shown:
                return True
            if found != shown:
                self._say(f"draining: {coming} to come, {owed} owed, {waiting} waiting, {parked} parked or dead")
            shown = found
            if parked and not waiting:
                await stage.ask("retry", "--parked", "--dead")
            await asyncio.sleep(1)
        return False


async def _standing(stage: Stage, state: str) -> int:
    return sum([await stage.database[queue].count_documents({"state": state}) for queue in QUEUES])


async def _coming(stage: Stage) -> int:
    """Count runs that are open, schedules with a note of what is to be stored, and rows with what follows from them."""
    places = {"runs": "open", "schedules": "due.0", f"{HANDLER}_queue": "emits"}
    return sum([await stage.database[name].count_documents({at: {"$exists": True}}) for name, at in places.items()])
