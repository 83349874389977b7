"""Pausing consumers and destinations, and letting them go on. What cannot be done is said in one line."""

from datetime import datetime

from telemetry.core.channel import USER
from telemetry.core.delivery import State
from telemetry.core.errors import TellonceError
from telemetry.core.pause import Pause
from telemetry.ops.runs import Operator
from telemetry.ops.target import ConsumerTarget, DestinationTarget
from telemetry.runtime.config import expected_one_of, installed_consumers
from telemetry.store.client import Connection
from telemetry.store.deliveries import queues
from telemetry.store.pauses import Pauses
from telemetry.store.registry import Registered, Registry

Haltable = ConsumerTarget | DestinationTarget


async def pause(connection: Connection, target: Haltable, operator: Operator, until: datetime | None = None) -> Pause:
    """Pause a consumer or a destination, whatever was said of it before; raise TellonceError where there is none."""
    now = connection.clock.now()
    if until is not None and until <= now:
        raise TellonceError(f"--until {until:%Y-%m-%d %H:%M:%S} UTC: expected a time to come; nothing was paused")
    made = Pause(operator.by, now, operator.reason, until)
    match target:
        case ConsumerTarget(name):
            if not await Registry(connection).pause(name, made):
                raise await _unknown(connection, name)
        case DestinationTarget(name):
            await _check_kind(connection, name)
            await Pauses(connection).pause(name, made)
    return made


async def resume(connection: Connection, target: Haltable) -> Pause:
    """Let a paused consumer or destination go on; answer with the pause that is over, or raise TellonceError."""
    match target:
        case ConsumerTarget(name):
            known = await _registered(connection, name)
            if known.pause is None:
                raise TellonceError(f"consumer:{name}: it is not paused")
            await Registry(connection).resume(name)
            return known.pause
        case DestinationTarget(name):
            pauses = Pauses(connection)
            over = (await pauses.read()).get(name)
            if over is None:
                raise TellonceError(f"destination:{name}: it is not paused; `tellonce status` lists what is")
            await pauses.resume(name)
            return over


async def waiting(connection: Connection, target: Haltable) -> int:
    """Count the deliveries that wait for a courier of a consumer, or for a destination."""
    states, found = (State.PENDING, State.LEASED), 0
    for queue in await queues(connection):
        match target:
            case ConsumerTarget(name) if queue.consumer == name:
                found += sum((await queue.count(states)).values())
            case DestinationTarget(name):
                found += sum((await queue.count(states, name)).values())
    return found


async def _check_kind(connection: Connection, destination: str) -> None:
    """Raise TellonceError where no consumer tells destinations of a kind: nothing would be paused."""
    kind, known = destination.partition(":")[0], {*installed_consumers(), *await Registry(connection).read(), USER}
    if kind not in known:
        raise TellonceError(f"destination:{destination}: no such kind of destination; {expected_one_of(kind, known)}")


async def _registered(connection: Connection, name: str) -> Registered:
    known = (await Registry(connection).read()).get(name)
    if known is None:
        raise await _unknown(connection, name)
    return known


async def _unknown(connection: Connection, name: str) -> TellonceError:
    names = ", ".join(sorted(await Registry(connection).read())) or "none"
    return TellonceError(f"consumer:{name}: no such consumer is registered; registered: {names}")
