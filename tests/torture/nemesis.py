"""Carries a plan out."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from bot.simulator.guild import Permissions
from tests.crash.file import CHANNELS
from tests.crash.stage import Stage
from tests.faketime import FAKETIME
from tests.receiver import Reply
from tests.torture.operator import Operator
from tests.torture.plan import OPERATOR, Act, Kind
from tests.torture.seat import Seat
from tests.torture.weather import Mode

JUMP = 300.0
NUMBERS = {name: number for number, name in CHANNELS.items()}
WEATHER = {Kind.CUT: Mode.CUT, Kind.DELAY: Mode.DELAY, Kind.DEAFEN: Mode.DEAFEN}
FAULTS: Mapping[Kind, Mapping[str, Any]] = {
    Kind.LIMIT: {"action": "status", "status": 429, "times": 2},
    Kind.FAIL: {"action": "status", "status": 503, "times": 2},
    Kind.FAIL_AFTER: {"action": "status", "status": 502, "when": "after", "times": 2},
    Kind.DROP_AFTER: {"action": "drop", "when": "after", "times": 2},
}
REPLIES: Mapping[Kind, Reply] = {
    Kind.LIMIT: Reply(429, {"Retry-After": "1"}, taken=False),
    Kind.FAIL: Reply(500, taken=False),
    Kind.FAIL_AFTER: Reply(503),
    Kind.DROP_AFTER: Reply(drop=True),
}
DENIED = {Kind.FORBID: Permissions(send=False), Kind.BLIND: Permissions(history=False)}


class Database(Protocol):
    """The server, as somebody who may break it sees it."""

    @property
    def abilities(self) -> Collection[Kind]:
        """What can be done to it."""

    async def act(self, act: Act) -> None:
        """Do it."""


def abilities(database: Database) -> set[Kind]:
    """List what can be done here."""
    lacking = set() if FAKETIME else {Kind.CLOCK}
    return set(Kind) - {Kind.DATABASE, Kind.STEP_DOWN} - lacking | set(database.abilities)


class Nemesis:
    """Does to daemons, database and Discord what the plan says, and puts it right again."""

    def __init__(self, seats: Sequence[Seat], stage: Stage, database: Database, say: Callable[[str], None]) -> None:
        self._seats = {seat.name: seat for seat in seats}
        self._stage = stage
        self._discord = stage.discord
        self._operator = Operator(stage)
        self._database = database
        self._say = say
        self.done: Counter[Kind] = Counter()

    async def begin(self) -> None:
        """Make what is to be interfered with."""
        await self._operator.begin()

    async def carry_out(self, acts: Sequence[Act]) -> None:
        """Do everything at its time."""
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for act in acts:
                await asyncio.sleep(began + act.at - asyncio.get_running_loop().time())
                self._say(str(act))
                self.done[act.kind] += 1
                group.create_task(self._do(act), name=str(act))

    async def heal(self) -> None:
        """Put everything right."""
        self._discord.faults.clear()
        for channel in NUMBERS.values():
            self._allow(channel)
        for seat in self._seats.values():
            await seat.heal()
        await self._operator.heal()

    async def _do(self, act: Act) -> None:
        match act.kind:
            case Kind.KILL:
                self._seats[act.target].kill(act.seconds)
            case Kind.PAUSE:
                await self._seats[act.target].pause(act.seconds)
            case Kind.CUT | Kind.DELAY | Kind.DEAFEN:
                await self._seats[act.target].weather.turn(WEATHER[act.kind], act.seconds)
            case Kind.CLOCK:
                await self._seats[act.target].jump(JUMP if act.at % 2 < 1 else -JUMP, act.seconds)
            case Kind.DATABASE | Kind.STEP_DOWN:
                await self._database.act(act)
            case Kind.LIMIT | Kind.FAIL | Kind.FAIL_AFTER | Kind.DROP_AFTER if act.target == "receiver":
                self._stage.receiver.replies.extend([REPLIES[act.kind]] * 2)
            case kind if kind in OPERATOR:
                await self._operator.act(act)
            case Kind.LIMIT:
                self._discord.faults.script(**FAULTS[act.kind], retry_after=act.seconds)
            case Kind.FAIL | Kind.FAIL_AFTER | Kind.DROP_AFTER:
                self._discord.faults.script(**FAULTS[act.kind])
            case _:
                await self._close(act)

    async def _close(self, act: Act) -> None:
        number = NUMBERS[act.target]
        if act.kind is Kind.DELETE:
            self._discord.world.close_channel(number)
        elif channel := self._discord.channels.channel(number):
            self._discord.world.permit(channel, DENIED[act.kind])
        await asyncio.sleep(act.seconds)
        self._allow(number)

    def _allow(self, number: int) -> None:
        channel = self._discord.channels.channel(number)
        if channel is None:
            self._discord.world.open_channel(number, CHANNELS[number])
        elif channel.permissions != Permissions():
            self._discord.world.permit(channel, Permissions())
