"""Runs at the command line: how far they are, and what a person may do to them."""

import getpass
import os

import anyio
import pytest

from telemetry.core.delivery import Signal
from telemetry.ops.runs import Operator, Verb, act
from telemetry.ops.target import RunTarget
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.held import Held
from tests.cli.test_verbs import Environ, typed
from tests.watcher.fan_outs import KEY, NAME, RUN, Caller, a_run


async def test_status_of_a_key_tells_how_far_its_run_is(connection: Connection, environ: Environ) -> None:
    await a_run(connection, Caller(account="shop"), 3)

    said, (row,) = await typed(f"status {KEY}", environ), (await typed(f"status {KEY} --json", environ)).value
    everything = await typed("status", environ)
    held = {one["name"]: one["held"] for one in (await typed("status --json", environ)).value["consumers"]}

    assert said.code == 0
    assert f"run:{RUN}" in said.out
    assert "shop" in said.out
    assert (row["state"], row["total"], row["waiting"], row["delivered"]) == ("running", 3, 3, 0)
    assert "Open runs" in everything.out
    assert held[NAME] == 3
    assert "3 wait" in (await typed(f"explain {KEY}", environ)).out


async def test_status_of_a_key_without_a_run_is_no(connection: Connection, environ: Environ) -> None:
    said = await typed("status sign_up:nobody", environ)

    assert said.code == 1
    assert "it has no run" in said.err
    assert (await typed("status --watch", environ)).code == 2


async def test_a_run_is_watched_until_it_is_over(connection: Connection, environ: Environ) -> None:
    await a_run(connection, Caller(), 3)
    said = []

    async def watch() -> None:
        said.append(await typed(f"status {KEY} --watch", environ))

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        await act(connection, Verb.CANCEL, RunTarget(KEY), Operator("anna", "wrong text"))

    assert said[0].code == 0
    assert f"run:{RUN}: partial, 0 of 3 delivered, 3 skipped" in said[0].err
    assert "partial (anna: wrong text)" in said[0].out


async def test_pause_then_resume_then_cancel(connection: Connection, environ: Environ) -> None:
    await a_run(connection, Caller(account="shop"), 3)

    paused = await typed(f"pause run:{KEY} --reason lunch", environ)
    again = await typed(f"pause run:{KEY}", environ)
    resumed = await typed(f"resume run:{RUN} --account shop", environ)
    cancelled = await typed(f"cancel run:{KEY} --by anna", environ)
    twice = await typed(f"cancel run:{KEY}", environ)

    assert (paused.code, resumed.code, cancelled.code) == (0, 0, 0)
    assert f"run:{RUN} is paused: 0 of 3 deliveries came to something, 3 wait" in paused.out
    assert (again.code, twice.code) == (1, 1)
    assert "paused already" in again.err
    assert "cancelled by anna" in twice.err
    assert len(twice.err.splitlines()) == 1


async def test_who_acts_is_the_user_unless_it_is_said(connection: Connection, environ: Environ) -> None:
    await a_run(connection, Caller(), 2)

    await typed(f"cancel run:{KEY} --reason oops", environ)

    (row, _) = await Deliveries(connection, NAME).of_event(KEY)
    assert row.reason == f"cancelled by {getpass.getuser()}: oops"


async def test_who_has_no_name_acts_by_number(
    connection: Connection, environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    As in a container that runs under a number of its platform's choice.
    """

    def unknown(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    await a_run(connection, Caller(), 1)

    assert 0 == (await typed(f"cancel run:{KEY}", environ)).code

    (row,) = await Deliveries(connection, NAME).of_event(KEY)
    assert row.reason == f"cancelled by uid {os.getuid()}"


async def test_what_is_no_run_is_refused(connection: Connection, environ: Environ) -> None:
    for verb in ("pause", "resume"):
        said = await typed(f"{verb} {KEY}", environ)
        assert said.code == 1
        assert f"say run:{KEY}" in said.err


async def test_audit_names_those_who_are_missing(connection: Connection, environ: Environ) -> None:
    await a_run(connection, Caller(), 3)

    assert "nobody is missing" in (await typed(f"audit {KEY}", environ)).out
    name = f"{KEY}|recorder:00001"
    await Held(connection, NAME, RUN).admit([name])
    await Deliveries(connection, NAME).settle([(name, 0)], Signal.GIVE_UP, reason="410 Gone")
    said, told = await typed(f"audit {KEY}", environ), await typed(f"audit {KEY} --json", environ)

    assert (said.code, told.code) == (1, 1)
    assert "dead: 410 Gone" in said.out
    assert (told.value["missing"], told.value["waiting"]) == (1, 2)
    assert told.value["named"] == [{"delivery": name, "consumer": NAME, "why": "dead: 410 Gone"}]
    assert (await typed("audit sign_up:nobody", environ)).code == 1
