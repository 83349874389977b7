import pytest

from telemetry.store.client import Connection
from telemetry.store.leases import Leases


@pytest.fixture
def leases(connection: Connection) -> Leases:
    return Leases(connection)


async def test_a_free_duty_is_taken_once(leases: Leases) -> None:
    held = await leases.acquire("watcher", "a", 60)
    assert held is not None
    assert None is await leases.acquire("watcher", "b", 60)
    assert held.epoch == (await leases.acquire("watcher", "a", 60) or held).epoch


async def test_a_lapsed_duty_is_taken_over_with_a_higher_epoch_and_the_late_holder_learns_it(leases: Leases) -> None:
    first = await leases.acquire("watcher", "a", -1)
    second = await leases.acquire("watcher", "b", 60)
    assert first is not None
    assert second is not None
    assert second.epoch == first.epoch + 1
    assert None is await leases.renew(first, 60)


async def test_a_released_duty_is_free_at_once(leases: Leases) -> None:
    first = await leases.acquire("watcher", "a", 60)
    assert first is not None
    await leases.release(first)

    second = await leases.acquire("watcher", "b", 60)
    assert second is not None
    assert second.epoch == first.epoch + 1
    assert None is await leases.renew(first, 60)


async def test_a_held_duty_is_renewed_in_the_same_epoch(leases: Leases) -> None:
    first = await leases.acquire("watcher", "a", 30)
    assert first is not None
    renewed = await leases.renew(first, 60)
    assert renewed is not None
    assert (first.epoch, True) == (renewed.epoch, renewed.until > first.until)
