"""What producers do that somebody should look at."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from prometheus_client import CollectorRegistry

from telemetry.core.errors import UnavailableError
from telemetry.core.warning import LONGEST_SAMPLE, Kind, Warned
from telemetry.ingest import warner
from telemetry.ingest.metrics import IngestMetrics
from telemetry.ingest.warner import Warner
from telemetry.store.client import Connection
from telemetry.store.warnings import Warnings
from tests.ingest.conftest import Serving
from tests.ingest.test_service import Commands, commands, sign_up  # noqa: F401 - a fixture
from tests.until import until

LIMITS = "[ingest]\nmax_event_bytes = 1000\nmax_body_bytes = 5000\n[types.badge]\nkey = ['properties.level']"
AHEAD = (datetime.now(tz=UTC) + timedelta(days=2)).isoformat()


def made(connection: Connection, process: str = "a") -> Warner:
    numbers, metrics = count(), IngestMetrics(CollectorRegistry())
    return Warner(Warnings(connection), connection.clock, metrics, lambda: f"{process}{next(numbers)}")


async def write(warning: Warner) -> None:
    """Start it and stop it: what is left is written then."""
    async with anyio.create_task_group() as group:
        group.start_soon(warning.run)
        await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()


async def stored(connection: Connection) -> Mapping[str, Warned]:
    return {row.id: row for row in await Warnings(connection).all()}


async def test_each_kind_is_counted_with_one_sample_and_shown_to_prometheus(
    serving: Serving, connection: Connection
) -> None:
    async with serving(LIMITS, ingest_keys="web:s3cret") as producer:
        for body in (
            {"event": "sing_up", "distinct_id": "u1"},
            {"event": "sing_up", "distinct_id": "u2"},
            {"event": "badge", "distinct_id": "u1"},
            [sign_up("u1"), sign_up("u1", properties={"plan": "pro"}), sign_up("u1")],
            sign_up("u2", time=AHEAD),
            sign_up("u3", deliver_at="2020-01-01"),
            sign_up("u4", properties={"x": "y" * 1000}),
            [sign_up("u5", properties={"x": "y" * 900}) for _ in range(10)],
        ):
            await producer.send(body, Authorization="Bearer s3cret")
        _, metrics = await producer.get("/metrics")
    found = await stored(connection)
    assert {
        "unknown_type|sing_up": 2,
        "missing_key_part|badge": 1,
        "conflict|sign_up": 1,
        "clock_skew|sign_up": 2,
        "oversize|other": 2,
    } == {name: row.count for name, row in found.items()}
    for name, said in (
        ("unknown_type|sing_up", 'did you mean "sign_up"?'),
        ("missing_key_part|badge", "properties.level: required"),
        ("conflict|sign_up", "sign_up:u1: another body is stored"),
        ("clock_skew|sign_up", "sign_up:u3: deliver_at is past"),
        ("oversize|other", "body: at most 5000 bytes"),
    ):
        assert (True, "web") == (said in found[name].sample, found[name].source), found[name]
    for kind, times in (("unknown_type", 2), ("clock_skew", 2), ("oversize", 2), ("conflict", 1)):
        assert f'tellonce_ingest_warnings_total{{kind="{kind}"}} {times}.0' in metrics
    assert "pro" not in str([row.sample.replace("properties", "") for row in found.values()])


async def test_what_is_well_is_not_warned_of_and_costs_nothing(
    commands: Commands,  # noqa: F811
    serving: Serving,
    connection: Connection,
) -> None:
    async with serving() as producer:
        await producer.send(sign_up("u1"))
        commands.sent.clear()
        for body in (sign_up("u3"), sign_up("u2", time="2020-01-01"), {"event": "x", "distinct_id": "u"}):
            await producer.send(body | {"insert_id": "i"})
        assert 0 == commands.sent.count("update")
    assert {} == await stored(connection)


async def test_a_request_does_not_wait_for_the_warning_nor_fail_with_it(
    serving: Serving, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warner, "GATHER", 0.01)
    note, tries = Warnings.note, list[str]()
    mended = anyio.Event()

    async def failing(self: Warnings, warned: Warned, stamp: str) -> None:
        tries.append(stamp)
        if not mended.is_set():
            raise UnavailableError("away")
        await note(self, warned, stamp)

    async def tried_twice() -> bool:
        return len(tries) > 1

    async def written() -> Any:
        return await stored(connection)

    monkeypatch.setattr(Warnings, "note", failing)
    async with serving() as producer:
        assert 422 == (await producer.send({"event": "sing_up", "distinct_id": "u1"}))[0]
        await until(tried_twice)
        assert 1 == len(set(tries))
        mended.set()
        await until(written)
    assert [1] == [row.count for row in (await stored(connection)).values()]


async def test_names_beyond_a_number_are_counted_as_one_in_memory_and_in_the_database(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warner, "MOST", 5)
    for process, start in (("a", 0), ("b", 10)):
        warning = made(connection, process)
        for number in range(start, start + 10):
            warning.warn(Kind.UNKNOWN_TYPE, f"made_up{number}", "web", "unknown")
        await write(warning)
    found = await stored(connection)
    assert 20 == sum(row.count for row in found.values())
    assert {f"unknown_type|made_up{n}" for n in range(5)} | {"unknown_type|other"} == set(found)


async def test_a_sample_is_cut_and_is_always_text(connection: Connection) -> None:
    warning = made(connection)
    warning.warn(Kind.CONFLICT, "sign_up", "web", "x" * 1000)
    warning.warn(Kind.OVERSIZE, "sign_up", "web", "\ud800")
    await write(warning)
    found = await stored(connection)
    assert LONGEST_SAMPLE == len(found["conflict|sign_up"].sample)
    assert "\\ud800" == found["oversize|sign_up"].sample
