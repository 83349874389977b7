"""One torture: set up, let everybody loose, heal, drain, judge."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from pymongo.errors import PyMongoError

from tests.crash.file import CHANNELS, Outlet
from tests.crash.ground import open_ground
from tests.crash.judge import wrongly_signed
from tests.crash.servers import server_of
from tests.crash.stage import Stage, open_stage
from tests.torture.databases import open_database
from tests.torture.nemesis import Database, Nemesis, abilities
from tests.torture.plan import SEATS, plan
from tests.torture.producers import Producers
from tests.torture.seat import Seat

CLIENTS = 4
DRAIN = 300.0
# The product's windows end before Discord's, and all of them within a torture.
SETTINGS = {"TELLONCE_NONCE_WINDOW": "6", "TELLONCE_HISTORY_SETTLE": "2"}
NONCE_WINDOW = 10.0
KEPT = 10_000_000
QUEUES = [f"{outlet}_queue" for outlet in Outlet]

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
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every fact was told once, and every row accounts for it."""
        return not (self.lost or self.twice or self.other)


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
        end = time.monotonic() + self._seconds
        async with asyncio.TaskGroup() as keeping:
            kept = [keeping.create_task(seat.keep(), name=seat.name) for seat in seats]
            async with asyncio.TaskGroup() as work:
                work.create_task(nemesis.carry_out(acts), name="nemesis")
                for number in range(CLIENTS):
                    work.create_task(producers.run(number, lambda: time.monotonic() < end), name=f"producer {number}")
            self._say("healing")
            await nemesis.heal()
            rested = await self._drain(stage, producers)
            kills = sum(seat.kills for seat in seats)
            codes = [await seat.close() for seat in seats]
            await asyncio.gather(*kept)
        lost, twice, other = await self._judge(stage, producers, rested=rested)
        other += [f"{seat.name} ended with {code}" for seat, code in zip(seats, codes, strict=True) if code]
        return Outcome(
            self._seed,
            self._seconds,
            server,
            {str(kind): times for kind, times in nemesis.done.most_common()},
            kills,
            len(producers.sent),
            dict(producers.told),
            producers.again,
            lost,
            twice,
            other,
        )

    async def _drain(self, stage: Stage, producers: Producers) -> bool:
        """Wait until nothing is owed and nothing waits; an operator has what is parked tried again."""
        end, shown = time.monotonic() + DRAIN, -1
        while time.monotonic() < end:
            try:
                owed = await stage.database["events"].count_documents({"due_at": {"$exists": True}})
                waiting = await _standing(stage, "pending") + await _standing(stage, "leased")
                parked = await _standing(stage, "parked") + await _standing(stage, "dead")
            except PyMongoError:
                await asyncio.sleep(1)
                continue
            if owed + waiting + parked != shown:
                shown = owed + waiting + parked
                self._say(f"draining: {owed} owed, {waiting} waiting, {parked} parked or dead")
            if not shown:
                return True
            if parked and not waiting:
                await stage.ask("retry", "--parked", "--dead")
            await asyncio.sleep(1)
        return False

    async def _judge(
        self, stage: Stage, producers: Producers, *, rested: bool
    ) -> tuple[list[str], list[str], list[str]]:
        shown: Counter[str] = Counter()
        other = [] if rested else [f"not at rest within {DRAIN:.0f} s"]
        for channel in CHANNELS:
            titles = stage.shown(channel)
            shown.update(titles)
            other += [f"{key} is shown elsewhere" for key in titles if producers.sent[key].channel != channel]
        stored = await stage.database["events"].count_documents({})
        if stored != len(producers.sent):
            other.append(f"{stored} events are stored, {len(producers.sent)} were sent")
        for queue in QUEUES:
            unlike = await stage.database[queue].find({"state": {"$ne": "delivered"}}).to_list()
            other += [f"{row['_id']} is {row['state']}: {row.get('reason')}" for row in unlike]
        other += wrongly_signed(stage)
        other += await stage.breaches()
        heard = Counter(stage.receiver.taken)
        cancelled = {row["_id"] async for row in stage.database["events"].find({"cancelled": {"$exists": True}})}
        other += [f"{key} is told although it is cancelled" for key in cancelled if shown[key] or heard[key]]
        owed = {key: fact for key, fact in producers.sent.items() if key not in cancelled}
        lost = [key for key in owed if not shown[key]]
        lost += [f"{key} for the receiver" for key, fact in owed.items() if fact.hooked and not heard[key]]
        return lost, [key for told in (shown, heard) for key, times in told.items() if times > 1], other


async def _standing(stage: Stage, state: str) -> int:
    return sum([await stage.database[queue].count_documents({"state": state}) for queue in QUEUES])
