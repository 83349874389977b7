"""Telling once more what was told: counted first, written down, and resumed where it was cut short."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from telemetry.core.delivery import Delivery, State
from telemetry.core.errors import TellonceError
from telemetry.ops.paces import Pace, in_pages
from telemetry.store.client import Connection
from telemetry.store.deliveries import queues
from telemetry.store.events import Events
from telemetry.store.operations import Operation, Operations, Progress
from telemetry.store.replays import Replays
from telemetry.store.selection import Selection, stream_selected


@dataclass(frozen=True, slots=True)
class Survey:
    """What a replay would come to, by consumer and state: what is told once more, and what is not."""

    again: Mapping[str, Mapping[State, int]]
    others: Mapping[str, Mapping[State, int]]
    scrubbed: Mapping[str, int]  # by consumer alone: the body was removed, so it can be told no more

    @property
    def total(self) -> int:
        """How many deliveries would be told once more."""
        return sum(sum(states.values()) for states in self.again.values())


async def survey(connection: Connection, selection: Selection) -> Survey:
    """Count what a selection means, and what it leaves as it is."""
    names = [queue.consumer for queue in await queues(connection) if selection.concerns(queue.consumer)]
    found = {name: await Replays(connection, name).survey(selection) for name in names}

    def those(*, meant: bool) -> dict[str, dict[State, int]]:
        parts = {
            name: {state: number for state, number in states.items() if (state in selection.states) is meant}
            for name, states in found.items()
        }
        return {name: part for name, part in parts.items() if part}

    scrubbed = {name: await Replays(connection, name).scrubbed(selection) for name in names}
    return Survey(those(meant=True), those(meant=False), {name: number for name, number in scrubbed.items() if number})


async def sample(
    connection: Connection, selection: Selection, counted: Mapping[str, Mapping[State, int]], limit: int
) -> list[tuple[str, Delivery]]:
    """Read some of what was counted: at most so many."""
    found: list[tuple[str, Delivery]] = []
    for name, states in counted.items():
        async for row in stream_selected(connection, name, replace(selection, states=tuple(states))):
            if len(found) == limit:
                return found
            if not row.scrubbed:
                found.append((name, row))
    return found


async def begin(
    connection: Connection,
    selection: Selection,
    by: str,
    reason: str,
    *,
    another: bool = False,
    token: Callable[[], str] = lambda: secrets.token_hex(4),
) -> Operation:
    """Write down what is to be told once more, before anything is; raise TellonceError where that is under way."""
    if not another:
        await _refuse_twin(connection, selection)
    at = await connection.moment()
    counts = {name: sum(states.values()) for name, states in (await survey(connection, selection)).again.items()}
    operation = Operation(token(), by, reason, at, selection, counts)
    await Operations(connection).begin(operation)
    return operation


async def resumed(connection: Connection, name: str) -> Operation:
    """Read an operation that was cut short; raise TellonceError where there is nothing to go on with."""
    operation = await Operations(connection).get(name)
    if operation is None:
        raise TellonceError(f"{name}: there is no such operation; `tellonce replay --list` names them")
    if operation.state is not Progress.RUNNING:
        raise TellonceError(f"{name}: it is {operation.state} already; nothing was done")
    # What was raised and not noted is known by its rows alone.
    told = [await Replays(connection, consumer).count(name) for consumer in operation.counts]
    return replace(operation, done=max(operation.done, sum(told)))


async def replay(
    connection: Connection, operation: Operation, pace: Pace, seen: Callable[[int], None] = lambda _: None
) -> Operation:
    """Have what an operation means told once more, each delivery once, from where it stands to its end."""
    now = operation
    for consumer in [name for name in sorted(operation.counts) if name >= operation.consumer]:
        now = replace(now, consumer=consumer, after=now.after if consumer == now.consumer else "")
        rows = Replays(connection, consumer).ended(operation.selection, operation.at, now.after, pace.ahead)
        async for page in in_pages(rows, pace):
            told = await _tell_page(connection, now, page)
            done, missed = now.done + told, now.missed + len(page) - told
            now = replace(now, done=done, missed=missed, after=page[-1].id)
            seen(done)
            if not await Operations(connection).note(now):
                raise TellonceError(f"{now.id}: it was dropped, or goes on elsewhere: see `tellonce replay --list`")
    # What was raised before this process and noted by nobody is noted here.
    await Operations(connection).note(now)
    await Operations(connection).end(now.id, Progress.FINISHED)
    return replace(now, state=Progress.FINISHED)


async def drop(connection: Connection, name: str) -> None:
    """Leave undone what is left of an operation; raise TellonceError where nothing is."""
    if not await Operations(connection).end(name, Progress.DROPPED):
        await resumed(connection, name)


async def _tell_page(connection: Connection, operation: Operation, page: Sequence[Delivery]) -> int:
    """Tell a page once more, in the order in which it was told; answer how many deliveries that is."""
    replays, kept, told = Replays(connection, operation.consumer), dict[str, bool](), 0
    for row in sorted(page, key=lambda row: row.order):
        if row.event not in kept:
            # First of all: an event that is forgotten meanwhile would leave its delivery alone.
            kept[row.event] = await Events(connection).note_replay(row.event, connection.clock.now())
        told += kept[row.event] and await replays.tell_again(row, operation.id, operation.at)
    return told


async def _refuse_twin(connection: Connection, selection: Selection) -> None:
    for one in await Operations(connection).running():
        # A span that ends now is another time whenever it is said.
        if replace(one.selection, since=None, until=None) == replace(selection, since=None, until=None):
            raise TellonceError(
                f"a replay of the same, {one.id} by {one.by}, is not finished: "
                f"`tellonce replay --resume {one.id}` goes on with it, --another begins one besides"
            )
