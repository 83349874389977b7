"""An operator at work while everything breaks: endpoints, runs and schedules are changed as they go."""

import asyncio
from contextlib import suppress

from pymongo.errors import PyMongoError

from tests.crash.audiences import set_audiences
from tests.crash.stage import Stage
from tests.crash.verdicts.handlers import DEEDS
from tests.crash.verdicts.runs import HOW
from tests.torture.plan import Act, Kind
from tests.until import came_true

SCHEDULE = "pulse"
PATIENCE = 60.0


class Operator:
    """Does what can be done by the product's own commands; what comes too early or too late is refused."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def begin(self) -> None:
        """Make what the facts need, and have something come by itself every second."""
        await self._stage.database.create_collection(DEEDS)
        await set_audiences(self._stage)
        added = await self._stage.ask(
            "schedule", "add", SCHEDULE, "--every", "1s", "--event", "beat", "--missed", "all"
        )
        assert added.code == 0, added.text()

    async def act(self, act: Act) -> None:
        """Do it, and take it back after a while where that can be done."""
        ask = self._stage.ask
        match act.kind:
            case Kind.SWITCH:
                await ask("webhooks", "disable", "crm")
                await asyncio.sleep(act.seconds)
                await ask("webhooks", "enable", "crm")
            case Kind.RESCHEDULE:
                await ask("schedule", "edit", SCHEDULE, "--every", "2s" if act.at % 2 < 1 else "1s")
            case Kind.SUSPEND:
                await ask("schedule", "pause", SCHEDULE)
                await asyncio.sleep(act.seconds)
                await ask("schedule", "resume", SCHEDULE)
            case Kind.HOLD | Kind.BREAK_OFF:
                for run in (await self._runs("running"))[-1:]:
                    await self._interfere(act, f"run:{run}")

    async def heal(self) -> None:
        """Let everything go on, and put an end to what comes by itself."""
        await self._stage.ask("webhooks", "enable", "crm")
        for run in await self._runs("paused"):
            await self._stage.ask("resume", f"run:{run}")
        await came_true(self._stopped, PATIENCE)

    async def _interfere(self, act: Act, run: str) -> None:
        if act.kind is Kind.BREAK_OFF:
            await self._stage.ask("cancel", run, *HOW)
            return
        await self._stage.ask("pause", run, *HOW)
        await asyncio.sleep(act.seconds)
        await self._stage.ask("resume", run)

    async def _runs(self, state: str) -> list[str]:
        # Without a database there is nothing to be done.
        with suppress(PyMongoError):
            return [row["_id"] async for row in self._stage.database["runs"].find({"state": state}).sort("open", 1)]
        return []

    async def _stopped(self) -> bool:
        await self._stage.ask("schedule", "pause", SCHEDULE)
        return await self._stage.database["schedules"].count_documents({"paused": False}) == 0
