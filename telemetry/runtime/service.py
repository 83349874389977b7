"""The life of a daemon: services run side by side, wait out trouble, and stop together on a signal."""

import signal
from collections.abc import Sequence
from random import Random
from typing import Protocol

import anyio

from telemetry.core.backoff import Backoff
from telemetry.core.errors import ConfigurationError, UnavailableError
from telemetry.runtime.logs import get_logger

log = get_logger(__name__)

RESTART = Backoff(first=0.5, cap=30.0)
SETTLED_AFTER = 60.0


class Service(Protocol):
    """Something that runs until it is cancelled, and settles what that interrupts."""

    @property
    def name(self) -> str:
        """What the log calls it."""

    async def run(self) -> None:
        """Work until cancelled; raise UnavailableError when what it needs is away."""


async def supervise(services: Sequence[Service], stop: anyio.Event, chance: Random | None = None) -> None:
    """Run services until `stop` is set; one that fails is started again after a while, the others go on."""
    async with anyio.create_task_group() as group:
        for service in services:
            group.start_soon(keep_running, service, chance, name=service.name)
        await stop.wait()
        group.cancel_scope.cancel()


async def keep_running(service: Service, chance: Random | None = None) -> None:
    """Run a service, again after each failure; a configuration error is the operator's, and ends it."""
    chance = chance or Random()  # noqa: S311 - jitter
    failures = 0
    while True:
        began = anyio.current_time()
        try:
            await service.run()
        except Exception as error:
            match root(error):
                case ConfigurationError() as mistake:
                    raise mistake from error
                case UnavailableError() as away:
                    log.warning("service.waiting", service=service.name, why=str(away))
                case _:
                    log.exception("service.failed", service=service.name)
        else:
            return
        failures = 1 if anyio.current_time() - began > SETTLED_AFTER else failures + 1
        await anyio.sleep(RESTART.delay(failures, chance))


def root(error: Exception) -> Exception:
    """Find what a group of errors is about: a mistake of the operator's first, a passing trouble last."""
    if not isinstance(error, ExceptionGroup):
        return error
    leaves = [root(leaf) for leaf in error.exceptions]
    for leaf in leaves:
        if isinstance(leaf, ConfigurationError):
            return leaf
    return next((leaf for leaf in leaves if not isinstance(leaf, UnavailableError)), leaves[0])


async def run_until_signalled(services: Sequence[Service]) -> None:
    """Run services until SIGTERM or SIGINT, then let each settle."""
    stop = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(_listen, stop)
        await supervise(services, stop)
        group.cancel_scope.cancel()


async def _listen(stop: anyio.Event) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            log.info("daemon.stopping", signal=signal.Signals(number).name)
            stop.set()
            return
