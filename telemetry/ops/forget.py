"""Forgetting a person, in this order; each step may be repeated by whoever comes after a crash.

The tombstones are made; the events are hidden, so that they say nothing and are owed to nobody; what waits of them is
left out; then there is a wait, in which what others had read before that comes to its end; then every trace of their
keys goes, the rows of their deliveries, and their own rows last, by which all the rest is found.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from secrets import token_hex

import anyio

from telemetry.core.audience import SNOWFLAKE
from telemetry.core.erasure import Secret, redactor
from telemetry.core.errors import TellonceError
from telemetry.ops.forgetting import PAGE, Forgetting, Forgotten
from telemetry.ops.runs import Operator
from telemetry.store.audiences import Audiences
from telemetry.store.client import Connection
from telemetry.store.commands import chunks
from telemetry.store.deliveries import queues
from telemetry.store.erasures import Erasures
from telemetry.store.keys import Keys
from telemetry.store.traces import Traces

# By then a watcher that slept has lost its lease, and ingest has learnt that it must look for tombstones.
SETTLE = 10.0

Seen = Callable[[int], None]


@dataclass
class Survey:
    """What is stored of a person."""

    events: int = 0
    owed: int = 0  # of these
    hidden: int = 0  # of these: an earlier run was cut short, or left them
    deliveries: int = 0
    unfinished: int = 0  # of these
    schedules: Sequence[str] = ()  # would make more
    audiences: Sequence[str] = ()  # have a member of that name


async def survey(connection: Connection, distinct_id: str, seen: Seen = lambda _: None) -> Survey:
    """Count what is stored of a person, changing nothing."""
    traces = Traces(connection)
    found = Survey(schedules=await traces.schedules(distinct_id))
    if SNOWFLAKE.fullmatch(distinct_id):
        found.audiences = await Audiences(connection).holding(f"discord-user:{distinct_id}")
    _, secret = await Keys(connection).read_all()
    keys = []
    # Nobody was forgotten without a secret: any will do to look for what there is not.
    async for event in Erasures(connection, secret or Secret(token_hex())).find(distinct_id):
        keys.append(event.key)
        found.owed += event.due_at is not None
        found.hidden += event.erased is not None
        seen(len(keys))
    found.events = len(keys)
    for queue in await queues(connection):
        for some in chunks(keys, PAGE):
            rows, unfinished = await queue.count_of(some)
            found.deliveries += rows
            found.unfinished += unfinished
    return found


async def forget(
    connection: Connection,
    distinct_id: str,
    operator: Operator,
    *,
    settle: float = SETTLE,
    seen: Seen = lambda _: None,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> Forgotten:
    """Remove all that is stored of a person, but that there was something. Safe to repeat, also after a crash.

    Raises TellonceError, with nothing changed, while a schedule would make more of it.
    """
    if named := await Traces(connection).schedules(distinct_id):
        raise TellonceError(
            f"schedule {named[0]!r} makes events of them: `tellonce schedule remove '{named[0]}'` first, then again"
        )
    secret = await Keys(connection).ensure_secret(token_hex(32))
    name, erasures = token_hex(8), Erasures(connection, secret)
    reason = redactor(distinct_id, {})(operator.reason)
    await erasures.note_begin(name, distinct_id, operator.by, reason, connection.clock.now())
    forgetting = Forgetting(connection, secret, distinct_id, f"forgotten by {operator.by}", seen)
    await forgetting.hide()
    await sleep(forgetting.wait(settle))
    done = await forgetting.remove()
    await erasures.note_end(name, done.events, len(done.left))
    return done
