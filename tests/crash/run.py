"""One run: a scenario, a place, an action; the daemon is struck there, another takes over, the world is judged."""

import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.crash.crossings import Crossings, Place
from tests.crash.ground import Ground
from tests.crash.judge import judge
from tests.crash.judgement import Judgement, wrong
from tests.crash.offspring import Daemon
from tests.crash.scenario import Scenario, Start
from tests.crash.settings import PATIENT
from tests.crash.stage import Rows, Stage, open_stage
from tests.crash.submission import submit
from tests.until import came_true

REST, DRAIN, END = 20.0, 40.0, 15.0
# A daemon that was stopped is over its last act when nothing has passed for this long.
QUIET = 1.0


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    scenario: str
    action: str
    place: Place | None
    reached: bool
    judgement: Judgement
    seconds: float
    seen: Sequence[Place] = ()

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.scenario}: {self.action} {self.place or '(nowhere)'}: {self.judgement}"


class Run:
    """Carries one run out on its stage."""

    def __init__(self, stage: Stage, scenario: Scenario, place: Place | None, action: str, prepared: Rows) -> None:
        self._stage = stage
        self._scenario = scenario
        self._action = action
        self._prepared = prepared
        self._daemon: Daemon | None = None
        self.crossings = Crossings(place, self._strike)

    def _strike(self) -> None:
        assert self._daemon is not None
        self._daemon.signal(signal.SIGKILL if self._action == "kill" else signal.SIGSTOP)

    async def carry_out(self) -> Judgement:
        """Set the scene, strike, let another take over, and judge."""
        stage, scenario = self._stage, self._scenario
        stage.settings = scenario.settings
        await stage.restore(_part(self._prepared, scenario, later=False))
        for fault in scenario.faults:
            stage.discord.faults.script(**fault)
        stage.receiver.replies.extend(scenario.replies)
        await scenario.begin(stage)
        async with asyncio.TaskGroup() as group:
            beside = {verb: await stage.start(verb) for verb in scenario.beside}
            self._daemon = await stage.start(
                scenario.verb, **await stage.way(self.crossings), **PATIENT, **scenario.environ
            )
            self._ingest = self._daemon if scenario.verb == "ingest" else beside.get("ingest")
            self._producing = [group.create_task(submit(lambda: self._ingest, batch)) for batch in scenario.batches]
            await self._until_struck_or_at_rest(self._daemon)
            await stage.restore(_part(self._prepared, scenario, later=True))
            drained = await self._take_over()
            if self._action == "stop":
                await self._wake(self._daemon)
            for producer in self._producing:
                producer.cancel()
        found = await judge(stage, scenario)
        return found if drained else found + wrong(["did not come to rest"])

    async def _until_struck_or_at_rest(self, daemon: Daemon) -> None:
        struck = asyncio.create_task(self.crossings.struck.wait(), name="struck")
        over = asyncio.create_task(came_true(self._struck_or_at_rest, REST), name="struck, or at rest")
        ways = [struck]
        await asyncio.wait([struck, over], return_when=asyncio.FIRST_COMPLETED)
        if not self.crossings.struck.is_set():
            daemon.signal(signal.SIGTERM)
            ways.append(asyncio.create_task(daemon.ended.wait(), name="ended"))
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED, timeout=END)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        if self._action == "kill" or not self.crossings.struck.is_set():
            daemon.kill()
            await daemon.ended.wait()
        # It ends by itself.
        await asyncio.gather(over, return_exceptions=True)
        await self._stage.end_transactions()

    async def _take_over(self) -> bool:
        stage, scenario = self._stage, self._scenario
        # What was queued is carried out first: a row that were not kept would then be offered again.
        if "bot" in scenario.beside:
            await came_true(self._nothing_waits, REST)
        await scenario.heal(stage)
        successor = await stage.start(scenario.verb, **scenario.successor)
        self._ingest = successor if scenario.verb == "ingest" else self._ingest
        for verb in scenario.crew:
            await stage.start(verb)
        await scenario.conclude(stage)
        return await came_true(self._drained, DRAIN)

    async def _wake(self, daemon: Daemon) -> None:
        daemon.signal(signal.SIGCONT)
        self.crossings.release()
        passed = -1
        while passed < len(self.crossings.seen):
            passed = len(self.crossings.seen)
            await asyncio.sleep(QUIET)
        daemon.signal(signal.SIGTERM)
        await asyncio.wait([asyncio.create_task(daemon.ended.wait(), name="ended")], timeout=END)
        daemon.kill()
        await came_true(self._drained, DRAIN)

    async def _struck_or_at_rest(self) -> bool:
        """It was struck, or has done all that it can."""
        return self.crossings.struck.is_set() or await self._at_rest()

    async def _at_rest(self) -> bool:
        """The daemon has done all that it can."""
        if not all(producer.done() for producer in self._producing):
            return False
        if self._scenario.once:
            return self._daemon is not None and self._daemon.ended.is_set()
        if self._scenario.verb == "watch":
            lacking = await self._count("events", {"acks.discord": {"$exists": False}})
            return not lacking and not await self._unheard_of() and await self._scenario.has_come(self._stage)
        return self._scenario.verb == "ingest" or await self._nothing_waits()

    async def _unheard_of(self) -> int:
        if not self._scenario.neighbour:
            return 0
        well = [fact.key for fact in self._scenario.facts if not int(fact.subject.lstrip("u")) % 2]
        return await self._count("events", {"_id": {"$in": well}, "acks.neighbour": {"$exists": False}})

    async def _drained(self) -> bool:
        """Nothing is to come, nothing is owed, and nothing waits."""
        # What went on behind one look is seen by the next.
        return await self._looks_drained() and await self._looks_drained()

    async def _looks_drained(self) -> bool:
        if not all(producer.done() for producer in self._producing) or not await self._scenario.has_come(self._stage):
            return False
        sent: dict[str, object] = {"_id": {"$in": [fact.key for fact in self._scenario.expected]}}
        stored = await self._count("events", sent) == len(self._scenario.expected)
        settled = not await self._count("events", {"due_at": {"$exists": True}})
        # What was parked comes back by itself, as all of it has been healed.
        return stored and settled and await self._nothing_waits("parked", "held")

    async def _nothing_waits(self, *also: str) -> bool:
        waiting: dict[str, object] = {"state": {"$in": ["pending", "leased", *also]}}
        queues = {self._scenario.queue, f"{self._scenario.outlet}_queue"}
        return not any([await self._count(queue, waiting) for queue in queues])

    async def _count(self, collection: str, query: dict[str, object]) -> int:
        return await self._stage.database[collection].count_documents(query)


def _part(rows: Rows, scenario: Scenario, *, later: bool) -> Rows:
    held = {fact.key for fact in scenario.later}
    return {
        name: [row for row in documents if (str(row["_id"]).partition("|")[0] in held) is later]
        for name, documents in rows.items()
    }


class Preparations:
    """How the database looks when a scenario begins, made once by the daemons themselves."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._made: dict[tuple[object, ...], Rows] = {}
        self._lock = asyncio.Lock()

    async def of(self, scenario: Scenario) -> Rows:
        """Give the rows that a scenario begins with."""
        made = (scenario.start, scenario.expected, scenario.outlet, scenario.prepare, scenario.handler)
        async with self._lock:
            if made not in self._made:
                self._made[made] = await self._make(scenario)
            return self._made[made]

    async def _make(self, scenario: Scenario) -> Rows:
        if scenario.start is Start.NOTHING:
            return {}
        async with open_stage(self._ground, outlets=[scenario.outlet]) as stage:
            stage.settings = scenario.settings
            await scenario.prepare(stage)
            verbs = ["ingest"] + ["watch"] * (scenario.start is Start.QUEUED)
            ingest, *_ = [await stage.start(verb) for verb in verbs]
            for fact in scenario.expected:
                await submit(lambda: ingest, [fact.body()])
            events = stage.database["events"]

            async def done() -> bool:
                return len(verbs) == 1 or not await events.count_documents({"due_at": {"$exists": True}})

            assert await came_true(done, REST), f"{scenario.name} could not be prepared"
            return await stage.snapshot()


async def run(
    ground: Ground, scenario: Scenario, place: Place | None, action: str, prepared: Rows, without: str = ""
) -> Ended:
    """Carry one run out in a world of its own."""
    began = time.monotonic()
    async with open_stage(ground, without, [scenario.outlet], **scenario.discord) as stage:
        made = Run(stage, scenario, place, action, prepared)
        judgement = await made.carry_out()
        reached = made.crossings.struck.is_set()
        took = time.monotonic() - began
        return Ended(scenario.name, action, place, reached, judgement, took, tuple(made.crossings.seen))
