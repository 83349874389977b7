"""Warnings, counted over all processes."""

from datetime import timedelta

from telemetry.core.warning import Kind, Warned
from telemetry.store.client import Connection
from telemetry.store.warnings import STAMPS, Warnings

DAY = timedelta(days=1)


def warned(connection: Connection, count: int = 1, kind: Kind = Kind.CONFLICT, days: int = 0, said: str = "") -> Warned:
    at = connection.clock.now().replace(microsecond=0) + days * DAY
    return Warned(kind, "sign_up", count, at, at, "web", said)


async def test_counts_add_up_and_the_latest_sample_stays(connection: Connection) -> None:
    warnings = Warnings(connection)
    first, second = warned(connection, 2, said="one"), warned(connection, 3, days=1, said="two")
    await warnings.note(first, "a")
    await warnings.note(second, "b")
    (row,) = await warnings.all()
    assert (5, first.since, second.last, "two") == (row.count, row.since, row.last, row.sample)


async def test_a_write_that_is_made_again_counts_once(connection: Connection) -> None:
    warnings = Warnings(connection)
    for _ in range(2):
        await warnings.note(warned(connection, 2), "a")
    for number in range(STAMPS - 1):
        await warnings.note(warned(connection), f"b{number}")
    await warnings.note(warned(connection, 2), "a")
    (row,) = await warnings.all()
    assert 2 + STAMPS - 1 == row.count
    assert STAMPS == len((await connection["warnings"].find_one({}))["stamps"])  # type: ignore[index]


async def test_the_newest_comes_first_and_the_old_are_forgotten(connection: Connection) -> None:
    warnings = Warnings(connection)
    await warnings.note(warned(connection, kind=Kind.OVERSIZE, days=-40), "a")
    await warnings.note(warned(connection, kind=Kind.CONFLICT, days=-2), "b")
    await warnings.note(warned(connection, kind=Kind.CLOCK_SKEW, days=-1), "c")
    assert 1 == await warnings.forget(connection.clock.now() - 30 * DAY)
    assert [Kind.CLOCK_SKEW, Kind.CONFLICT] == [row.kind for row in await warnings.all()]
    assert {"conflict|sign_up", "clock_skew|sign_up"} == await warnings.ids()
