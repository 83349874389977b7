"""Finding one schedule, changing it, and saying how it stands then."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from telemetry.cli.opening import answer
from telemetry.cli.printing import moment, say
from telemetry.core.errors import TellonceError
from telemetry.core.schedule import Schedule
from telemetry.ops.schedules import present
from telemetry.runtime.config import nearest
from telemetry.store.client import Connection
from telemetry.store.schedules import UNREADABLE, Schedules

Name = Annotated[str, typer.Argument(help="The schedule's name.")]
Change = Callable[[Schedules, Schedule], Awaitable[bool]]


def changed(name: str, change: Change, *, gone: bool = False) -> Schedule:
    """Change a schedule that is there, and give it as it is then; raise TellonceError where that is not done."""

    async def make(connection: Connection) -> Schedule:
        schedules = Schedules(connection)
        known = await find(schedules, name)
        if not await change(schedules, known):
            raise contended(name)
        return known if gone else await find(schedules, name)

    return answer(make)


async def find(schedules: Schedules, name: str) -> Schedule:
    """Read a schedule that is there; raise TellonceError where there is none."""
    known = await look_up(schedules, name)
    if known is None or known.removed:
        names = present((await schedules.all()).schedules)
        guess = nearest(name, names) or "; `tellonce schedule list` lists them"
        raise TellonceError(f"{name}: there is no such schedule{guess}")
    return known


async def look_up(schedules: Schedules, name: str) -> Schedule | None:
    """Read a schedule, or what is left of it; raise TellonceError where its row makes no sense."""
    try:
        return await schedules.get(name)
    except UNREADABLE as error:
        raise TellonceError(f"{name}: its row cannot be read: {error!r}; was it written by a later version?") from error


def contended(name: str) -> TellonceError:
    """Say that another was faster."""
    return TellonceError(f"{name}: another changed it at the same moment, so nothing was done; look, and try again")


def say_next(known: Schedule, what: str) -> None:
    """Say what was done to a schedule, and when it comes next."""
    ahead = f"it comes next at {moment(known.upcoming)}" if known.upcoming else "it has ended"
    if known.paused:
        ahead = f"it is paused: `tellonce schedule resume {known.name}`"
    say(f"{known.name} {what}; {ahead}")
