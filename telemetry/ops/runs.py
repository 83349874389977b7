"""Pausing, resuming and cancelling runs. What cannot be done is said in one line, and nothing is changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from telemetry.core.errors import TellonceError
from telemetry.core.run import ENDED, Ended, Run, RunState
from telemetry.ops.target import RunTarget
from telemetry.store.census import Census
from telemetry.store.client import Connection
from telemetry.store.held import skip_rest
from telemetry.store.runs import Runs


class Verb(StrEnum):
    """What an operator may do to a run."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Operator:
    """Who does it, why, and whose run it must be."""

    by: str
    reason: str = ""
    account: str | None = None


async def act(connection: Connection, verb: Verb, target: RunTarget, operator: Operator) -> list[Run]:
    """Do it to every run that is meant and can take it; give these as they are then. Raise TellonceError."""
    meant = await _meant(connection, target)
    for run in meant:
        if operator.account not in (None, run.account):
            raise TellonceError(f"run:{run.id} is of account {run.account!r}, not of {operator.account!r}")
    able = [run for run in meant if refusal(verb, run) is None]
    if not able:
        raise TellonceError("; ".join(f"run:{run.id}: {refusal(verb, run)}" for run in meant))
    return [await _act(connection, verb, run, operator) for run in able]


def refusal(verb: Verb, run: Run) -> str | None:
    """Say why something cannot be done to a run; None where it can."""
    match run.state:
        case RunState.FINISHED:
            return f"it is finished: all of its {run.total:,} deliveries came to something"
        case RunState.CANCELLING | RunState.PARTIAL:
            return f"it was cancelled by {run.ended.by}" if run.ended else "it was cancelled"
        case RunState.PAUSED if verb is Verb.PAUSE:
            return f"it is paused already; `tellonce resume 'run:{run.id}'` lets it go on"
        case RunState.RUNNING if verb is Verb.RESUME:
            return "it is not paused"
    return None


async def _meant(connection: Connection, target: RunTarget) -> Sequence[Run]:
    found = await Runs(connection).of_event(await Census(connection).present_key(target.key))
    meant = [run for run in found if target.consumer in (None, run.consumer)]
    if not meant:
        named = target.key if target.consumer is None else f"{target.key}|{target.consumer}"
        raise TellonceError(f"run:{named}: there is no such run; `tellonce status` lists the open ones")
    return meant


async def _act(connection: Connection, verb: Verb, run: Run, operator: Operator) -> Run:
    runs = Runs(connection)
    mark = Ended(operator.by, connection.clock.now(), operator.reason)
    match verb:
        case Verb.PAUSE:
            done = await runs.pause(run.id, mark)
        case Verb.RESUME:
            done = await runs.resume(run.id, mark)
        case Verb.CANCEL:
            done = await runs.cancel(run.id, mark)
    after = await runs.read(run.id) or run
    if not done:
        # Somebody else was quicker: a second click, or the run's own end.
        raise TellonceError(f"run:{run.id}: {refusal(verb, after) or 'it has changed just now; try again'}")
    return await _skip(connection, after) if verb is Verb.CANCEL else after


async def _skip(connection: Connection, run: Run) -> Run:
    """Skip what waits at once; killed half-way, the conductor does the rest."""
    if run.state is not RunState.CANCELLING:
        return run
    after = await skip_rest(connection, run)
    if after.state in ENDED and await Runs(connection).advance(run, after):
        return replace(after, step=after.step + 1)
    return await Runs(connection).read(run.id) or run
