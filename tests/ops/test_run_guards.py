"""Eleven resumes and cancels that are refused, and six pauses, each in one line that says why; nothing is changed."""

from collections.abc import Awaitable, Callable

import pytest

from telemetry.core.errors import TellonceError
from telemetry.core.run import Run, RunState
from telemetry.ops.progress import progress_of
from telemetry.ops.runs import Operator, Verb, act
from telemetry.ops.target import RunTarget, read_pausable
from telemetry.store.client import Connection
from telemetry.store.events import Events
from telemetry.store.runs import Runs
from tests.watcher.fan_outs import KEY, NAME, RUN, Caller, a_run, queue_of

TARGET = RunTarget(KEY)
NOBODY = "run:sign_up:nobody"
ANNA = Operator("anna", "lunch")
Before = Callable[[Connection], Awaitable[object]]


async def as_it_is(connection: Connection) -> None:
    """Leave the run as it was begun."""


async def paused(connection: Connection) -> list[Run]:
    return await act(connection, Verb.PAUSE, TARGET, ANNA)


async def cancelled(connection: Connection) -> list[Run]:
    return await act(connection, Verb.CANCEL, TARGET, ANNA)


async def finished(connection: Connection) -> None:
    rows = connection["runs"]
    await rows.update_one({"_id": RUN}, {"$set": {"state": RunState.FINISHED.value}, "$unset": {"open": ""}})


# Ids, existence, whose it is, and how it stands: the eleven that an operator once lacked.
GUARDS = {
    "resume_refuses_an_id_that_is_none": (as_it_is, Verb.RESUME, "run:|discord", None, "names no run: expected run:"),
    "resume_refuses_a_run_that_does_not_exist": (as_it_is, Verb.RESUME, NOBODY, None, "there is no such run"),
    "resume_refuses_another_accounts_run": (paused, Verb.RESUME, f"run:{RUN}", "other", "not of 'other'"),
    "resume_refuses_a_run_that_is_not_paused": (as_it_is, Verb.RESUME, f"run:{RUN}", None, "it is not paused"),
    "resume_refuses_a_run_that_was_cancelled": (cancelled, Verb.RESUME, f"run:{RUN}", "one", "cancelled by anna"),
    "resume_refuses_a_run_that_is_finished": (finished, Verb.RESUME, f"run:{RUN}", None, "it is finished"),
    "cancel_refuses_an_id_that_is_none": (as_it_is, Verb.CANCEL, "run:", None, "names no run: expected run:"),
    "cancel_refuses_a_run_that_does_not_exist": (as_it_is, Verb.CANCEL, NOBODY, None, "there is no such run"),
    "cancel_refuses_another_accounts_run": (as_it_is, Verb.CANCEL, f"run:{KEY}", "other", "not of 'other'"),
    "cancel_refuses_a_run_that_was_cancelled": (cancelled, Verb.CANCEL, f"run:{KEY}", None, "cancelled by anna"),
    "cancel_refuses_a_run_that_is_finished": (finished, Verb.CANCEL, f"run:{KEY}", None, "it is finished"),
}
PAUSES = {
    "pause_refuses_an_id_that_is_none": (as_it_is, Verb.PAUSE, "run:|discord", None, "names no run: expected run:"),
    "pause_refuses_a_run_that_does_not_exist": (as_it_is, Verb.PAUSE, NOBODY, None, "there is no such run"),
    "pause_refuses_another_accounts_run": (as_it_is, Verb.PAUSE, f"run:{KEY}", "other", "is of account 'one'"),
    "pause_refuses_a_run_that_is_paused": (paused, Verb.PAUSE, f"run:{KEY}", None, "paused already"),
    "pause_refuses_a_run_that_was_cancelled": (cancelled, Verb.PAUSE, f"run:{KEY}", None, "cancelled by anna"),
    "pause_refuses_a_run_that_is_finished": (finished, Verb.PAUSE, f"run:{KEY}", None, "it is finished"),
}


def test_there_are_eleven_guards_of_resume_and_cancel() -> None:
    assert 11 == len(GUARDS)


async def said_of(connection: Connection, verb: Verb, target: str, account: str | None) -> None:
    """Do what was typed, as far as it names a run."""
    meant = read_pausable(target, verb)
    assert isinstance(meant, RunTarget)
    await act(connection, verb, meant, Operator("berta", "again", account))


@pytest.mark.parametrize(
    ("before", "verb", "target", "account", "said"), (GUARDS | PAUSES).values(), ids=GUARDS | PAUSES
)
async def test_guard(
    connection: Connection, before: Before, verb: Verb, target: str, account: str | None, said: str
) -> None:
    await a_run(connection, Caller(), 3)
    await before(connection)
    was = await Runs(connection).read(RUN), await queue_of(connection)

    with pytest.raises(TellonceError) as refused:
        await said_of(connection, verb, target, account)

    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert was == (await Runs(connection).read(RUN), await queue_of(connection))


async def test_a_command_means_the_runs_of_all_consumers_unless_one_is_named(connection: Connection) -> None:
    caller = Caller()
    await a_run(connection, caller, 2)
    rows = connection["runs"]
    row = await rows.find_one({"_id": RUN})
    assert row is not None
    await rows.insert_one(row | {"_id": f"{KEY}|other", "consumer": "other"})

    (one,) = await act(connection, Verb.PAUSE, RunTarget(KEY, NAME), ANNA)
    assert one.consumer == NAME
    (other,) = await act(connection, Verb.PAUSE, RunTarget(KEY), ANNA)
    assert other.consumer == "other"


async def test_a_run_is_found_by_another_key_of_its_event(connection: Connection) -> None:
    """
    As `explain` and `cancel` find the event, where its type's key policy was switched since.
    """
    await a_run(connection, Caller(), 3)
    await Events(connection).add_aliases({"sign_up:now": KEY})

    (found,) = await progress_of(connection, "sign_up:now")
    (run,) = await act(connection, Verb.PAUSE, RunTarget("sign_up:now", NAME), ANNA)
    assert RUN == found.run == run.id
