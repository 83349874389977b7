"""A daemon as a process of its own, with a named place where it can be caught: `entry.py VERB [PLACE]`.

At its place the daemon says so in the file that CAUGHT names, and then hangs for ever, or stops itself.
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("MOTOR_MAX_WORKERS", "8")

import anyio

from telemetry.runtime.config import load_config
from telemetry.runtime.logs import configure_logs
from telemetry.runtime.settings import Settings
from telemetry.store.channels import Channels
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.schedules import Schedules

Method = Callable[..., Awaitable[Any]]


def caught() -> None:
    """Say that the place is reached."""
    Path(os.environ["CAUGHT"]).touch()


def hang_before(_method: Method) -> Method:
    """Reach the place and never do it."""

    async def hang(*_args: Any, **_kwargs: Any) -> Any:
        caught()
        await anyio.sleep_forever()

    return hang


def hang_after(method: Method) -> Method:
    """Do it, and never say so."""

    async def hang(*args: Any, **kwargs: Any) -> Any:
        await method(*args, **kwargs)
        caught()
        await anyio.sleep_forever()

    return hang


def hang_half_way(method: Method) -> Method:
    """Do it for the first half of the members only."""

    async def hang(self: Any, members: Any, *args: Any, **kwargs: Any) -> Any:
        await method(self, members[: len(members) // 2], *args, **kwargs)
        caught()
        await anyio.sleep_forever()

    return hang


def stop_after(method: Method) -> Method:
    """Do it once and stop the process right there, until somebody continues it."""
    stopped: list[bool] = []

    async def stop(*args: Any, **kwargs: Any) -> Any:
        answer = await method(*args, **kwargs)
        if not stopped:
            stopped.append(True)
            caught()
            os.kill(os.getpid(), signal.SIGSTOP)
        return answer

    return stop


PLACES: dict[str, tuple[type, str, Callable[[Method], Method]]] = {
    "inserted": (Events, "insert", hang_after),
    "offered": (Events, "ack", hang_before),
    "posted": (Deliveries, "settle", hang_before),
    "half settled": (Deliveries, "settle", hang_half_way),
    "half told": (Events, "insert", hang_half_way),
    "recorded": (Channels, "record", stop_after),
    "decided": (Schedules, "advance", hang_after),
    "told": (Schedules, "told", hang_before),
}


def main() -> None:
    """Run a daemon until a signal."""
    verb, *places = sys.argv[1:]
    for place in places:
        owner, name, trap = PLACES[place]
        setattr(owner, name, trap(getattr(owner, name)))
    settings = Settings.read(os.environ)
    configure_logs("json", settings.log_level, verb)
    anyio.run(RUN[verb], settings)


async def _ingest(settings: Settings) -> None:
    from telemetry.ingest.service import run_ingest  # noqa: PLC0415 - each process loads its own daemon only

    await run_ingest(settings, load_config(settings.config))


async def _watch(settings: Settings) -> None:
    from telemetry.watcher.service import run_watch  # noqa: PLC0415

    await run_watch(settings, load_config(settings.config))


async def _bot(settings: Settings) -> None:
    from bot.main import run_bot  # noqa: PLC0415

    await run_bot(settings)


async def _courier(settings: Settings) -> None:
    from telemetry.courier.service import run_courier  # noqa: PLC0415

    await run_courier(os.environ.get("COURIER", "webhook"), settings, load_config(settings.config))


RUN: dict[str, Callable[[Settings], Awaitable[None]]] = {
    "ingest": _ingest,
    "watch": _watch,
    "bot": _bot,
    "courier": _courier,
}

if __name__ == "__main__":
    main()
